import assert from 'node:assert/strict';
import { getNodeValue, parseTree } from 'jsonc-parser';
import type { Node } from 'jsonc-parser';
import { readTree } from '../../../language-server/service/json-tree';

/** A tree without the links to parents, which would make it endless. */
const plain = (node: Node | undefined): unknown =>
  node === undefined ? undefined : { ...node, parent: undefined, children: node.children?.map(plain) };

const whole = [
  '{"a": 1, "b": [true, null, -2.5, "x"], "c": {"d": {}}}',
  '{"a": [1, {"b": 2}, ], }',
  '// note\n{"a": /* one */ 1}',
  '{"a\\"\\u0041": "\\n", "": [[]]}',
  '[]',
  '"text"',
  '{"a": 1} trailing',
  '',
];

/** Texts that lack something, and what can be read of them. */
const broken: readonly (readonly [text: string, value: unknown])[] = [
  ['{"a": 1, "b\n "c": 2}', { a: 1, c: 2 }],
  ['{"a": 1, "b"\n "c": 2}', { a: 1, c: 2 }],
  ['{"a": 1, "b":\n "c": 2}', { a: 1, c: 2 }],
  ['{"a": 1, b\n "c": 2}', { a: 1, c: 2 }],
  ['{"a": 1, "b": tr\n "c": 2}', { a: 1, c: 2 }],
  ['{"a": 1, "b": "x,\n "c": 2}', { a: 1, b: 'x,', c: 2 }],
  ['{"a": 12\n "c": 2}', { a: 12, c: 2 }],
  ['{"a": {"b": 1, "c": }, "d": 2}', { a: { b: 1 }, d: 2 }],
  ['{"a": [1, 2\n "c": 2}', { a: [1, 2], c: 2 }],
  ['{"a": [1, "x\n}', { a: [1, 'x'] }],
  ['[{"a": 1, ]', [{ a: 1 }]],
  ['{"a": NaN, "b": -Infinity, "c": None}', {}],
  ['{1, {"x": 2}, "c": 3}', { c: 3 }],
  ['{"a": ', {}],
  ['[1, [2, [3', [1, [2, [3]]]],
  ['}{', {}],
];

describe('json tree', () => {
  for (const text of whole) {
    it(`is that of the library for ${JSON.stringify(text)}`, () => {
      const { root, unfinished } = readTree(text);
      assert.deepEqual(plain(root), plain(parseTree(text, [], { allowTrailingComma: true, allowEmptyContent: true })));
      assert.deepEqual(unfinished, []);
    });
  }
  for (const [text, value] of broken) {
    it(`keeps what can be read of ${JSON.stringify(text)}`, () => {
      const { root, unfinished } = readTree(text);
      assert.equal(JSON.stringify(root === undefined ? undefined : getNodeValue(root)), JSON.stringify(value));
      assert.ok(unfinished.length > 0);
    });
  }
  it('leaves the entries of label tables out and keeps their place', () => {
    const text = '{"id2label": {"0": {"x": 1}, "1": "b"}, "hidden_size": 4}';
    const [labels, size] = readTree(text).root?.children ?? [];
    assert.deepEqual(labels?.children?.[1]?.children, []);
    assert.equal(text.slice(labels.offset, labels.offset + labels.length), '"id2label": {"0": {"x": 1}, "1": "b"}');
    assert.equal(size?.children?.[1]?.value, 4);
  });
});
