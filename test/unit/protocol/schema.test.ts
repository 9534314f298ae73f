/** The pieces of schemas: what they take, and the sentence for what they do not. */
import assert from 'node:assert/strict';
import { check, parseJson, type Output, type Schema } from '../../../protocol/schema/check';
import {
  anyFields,
  byKind,
  count,
  figure,
  list,
  listOf,
  number,
  object,
  optional,
  orNull,
  record,
  recordOf,
  text,
  texts,
  whole,
  wholeFrom,
} from '../../../protocol/schema/fields';
import { figurePerHead, headOf, sizeFields, sizeOf } from '../../../protocol/schema/parts';

const why = (schema: Schema<unknown>, value: unknown): string => {
  const checked = check(schema, value);
  return checked.ok ? 'ok' : checked.why;
};

/** Whether two types are the same, `readonly` and `?` counted. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

describe('a schema', () => {
  const row = object({
    name: text,
    size: optional(whole),
    notes: optional(texts),
  });

  it('names the place of the first fault', () => {
    const rows = object({ rows: list(row) });
    assert.equal(why(rows, 3), 'The value is not an object.');
    assert.equal(why(rows, []), 'The value is not an object.');
    assert.equal(why(rows, {}), 'rows is missing.');
    assert.equal(why(rows, { rows: {} }), 'rows is not a list.');
    assert.equal(why(rows, { rows: [{ name: 'a' }, { name: 7 }] }), 'rows[1].name is not a text.');
    assert.equal(why(rows, { rows: [{ name: 'a', notes: 5 }] }), 'rows[0].notes is not a list of texts.');
    assert.equal(why(rows, { rows: [{ name: 'a', notes: [5] }] }), 'rows[0].notes[0] is not a text.');
    assert.equal(why(rows, { rows: [{}] }), 'rows[0].name is missing.');
  });

  it('leaves out what it does not name, and keeps what is absent absent', () => {
    assert.deepEqual(check(row, { name: 'a', other: [[[]]] }), { ok: true, result: { name: 'a' } });
    assert.equal(why(row, { name: 'a', size: undefined }), 'size is not a whole number.');
  });

  it('takes numbers within their bounds', () => {
    assert.equal(why(wholeFrom(0, 3), 4), 'The value is not a whole number from 0 to 3.');
    for (const value of [-1, 0.5, 2 ** 53, Number.NaN, '1', null]) {
      assert.equal(why(whole, value), 'The value is not a whole number.', String(value));
    }
    assert.equal(why(count, 0), 'The value is not a positive whole number.');
    for (const value of [Infinity, Number.NaN, '1', null])
      assert.equal(why(number, value), 'The value is not a number.');
  });

  it('reads null as the number that JSON cannot write', () => {
    assert.deepEqual(check(list(figure), [1, null]), { ok: true, result: [1, Number.NaN] });
    assert.equal(why(figure, 'x'), 'The value is not a number.');
    assert.deepEqual(check(orNull(number), null), { ok: true, result: null });
  });

  it('tells a union apart by its kind', () => {
    type Message = { readonly kind: 'go' } | { readonly kind: 'say'; readonly words: string };
    const message = byKind({ go: {}, say: { words: text } });
    const same: Equal<Output<typeof message>, Message> = true;
    assert.ok(same);
    assert.deepEqual(check(message, { kind: 'say', words: 'a' }), { ok: true, result: { kind: 'say', words: 'a' } });
    assert.equal(why(message, { kind: 'say' }), 'words is missing.');
    assert.equal(why(message, { kind: 'toString' }), 'kind is not one of go, say.');
    assert.equal(why(message, {}), 'kind is missing.');
    assert.equal(why(message, null), 'The value is not an object.');
  });

  it('says by its type what a field is, and that an optional one may be absent but is not undefined', () => {
    const one = object({ id: whole, sizes: list(number), note: optional(text), of: orNull(object({ name: text })) });
    interface One {
      readonly id: number;
      readonly sizes: readonly number[];
      readonly note?: string;
      readonly of: { readonly name: string } | null;
    }
    const same: Equal<Output<typeof one>, One> = true;
    assert.ok(same);
    assert.equal(why(one, { id: 1, sizes: [], note: undefined, of: null }), 'note is not a text.');
  });

  it('names the keys of a file so that they can be printed, and not at any length', () => {
    assert.equal(why(record(text), { 'a\u001b[2J': 1 }), 'a\\u001b[2J is not a text.');
    assert.equal(why(record(text), { ['k'.repeat(1000)]: 1 }), `${'k'.repeat(60)}… is not a text.`);
    assert.equal(why(recordOf(['a', 'b'], text), { c: '' }), 'c is not one of a, b.');
  });

  it('refuses by its size what is too long, too deep or too much before it looks inside', () => {
    const unread: Schema<unknown> = { ...text, '~run': () => assert.fail('it looked inside') };
    assert.equal(why(list(unread, 'a list', { most: 2 }), [1, 2, 3]), 'The value is not a list of at most 2.');
    assert.equal(why(listOf(2, unread, 'a list of 2'), [1, 2, 3]), 'The value is not a list of 2.');
    assert.equal(why(text, 'x'.repeat(2 ** 20 + 1)), 'The value is not a text of at most 1048576 characters.');
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level++) deep = [deep];
    assert.match(why(anyFields, { deep }), /^The value is not an object of at most 10000 values in 32 levels\.$/);
    assert.match(why(anyFields, { wide: Array(20_000).fill(0) }), /^The value is not an object of at most/);
    assert.equal(why(anyFields, { a: [1, { b: null }] }), 'ok');
  });
});

describe('a table of all heads', () => {
  it('has the size that the file says', () => {
    const table = figurePerHead({ layers: 2, heads: 1 });
    assert.deepEqual(check(table, [[0.5], [null]]), { ok: true, result: [[0.5], [Number.NaN]] });
    assert.equal(why(table, [[0.5]]), 'The value is not a list of 2 layers.');
    assert.equal(why(table, [[0.5], [1, 2]]), '[1] is not a list of 1 heads.');
    assert.deepEqual(sizeOf({ layers: 2, heads: '1' }), { layers: 2, heads: 0 });
    assert.deepEqual(sizeOf(null), { layers: 0, heads: 0 });
  });

  it('is no larger than a grid that can be drawn', () => {
    const of = (layers: number, heads: number): string =>
      why(object(sizeFields(sizeOf({ layers, heads }))), { layers, heads });
    assert.equal(of(126, 128), 'ok', 'Llama 3.1 405B');
    assert.equal(of(1024, 16), 'ok');
    assert.match(
      of(1024, 17),
      /^heads is not a whole number from 0 to 16: with 1024 layers there is room for no more\.$/,
    );
    assert.match(of(1025, 1), /^layers is not a whole number from 1 to 1024\.$/);
  });
});

describe('a saved file', () => {
  const file = object(headOf('headscope-x', 'saved thing'), 'a JSON object');
  const parsed = (text: string): string => {
    const read = parseJson(file, text);
    return read.ok ? 'ok' : read.why;
  };

  it('says what it is, and in which format', () => {
    assert.equal(parsed('{"kind": "headscope-x", "version": 1}'), 'ok');
    assert.equal(parsed(' '), 'The file is empty.');
    assert.match(parsed('{'), /^The file is not valid JSON: .*\.$/);
    assert.equal(parsed('[]'), 'The file is not a JSON object.');
    assert.equal(parsed('{"kind": "y"}'), 'kind is not "headscope-x", so this is no saved thing of Headscope.');
    assert.equal(
      parsed('{"kind": "headscope-x", "version": 2}'),
      'It was written in format 2, and this Headscope reads format 1: update Headscope.',
    );
    assert.equal(parsed('{"kind": "headscope-x", "version": "1"}'), 'version is not 1.');
  });
});
