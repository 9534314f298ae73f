import assert from 'node:assert/strict';
import { parseConfig } from '../../../models/formats/config/parse-config';
import { parseJsonText } from '../../../protocol/wire/json-text';

/** Each place counted by hand. */
const faults: readonly (readonly [text: string, fault: string])[] = [
  ['', 'it is empty'],
  ['secret', 'column 1: invalid symbol'],
  ['{"a": secret}', 'column 7: invalid symbol'],
  ['{\n  "a": 1,\n  "b" 2\n}', 'line 3, column 7: colon expected'],
  ['{"a": 1,}', 'column 9: property name expected'],
  ['[1, 2', 'column 6: close bracket expected'],
  ['{"a": 1 "secret": 2}', 'column 9: comma expected'],
  ['{"a": "secret', 'column 7: unexpected end of string'],
  ['{"a": "\\secret"}', 'column 7: invalid escape character'],
  ['{} secret', 'column 4: invalid symbol'],
  ['{} 1', 'column 4: end of file expected'],
  ['// secret\n{}', 'line 1, column 1: invalid comment token'],
];

describe('a text that is no JSON', () => {
  it('is described by the place and the kind of its first fault, without a word of it', () => {
    for (const [text, fault] of faults) {
      assert.deepEqual(parseJsonText(text), { ok: false, fault }, text);
      assert.deepEqual(parseConfig(text), { ok: false, message: `The file is not valid JSON: ${fault}.` }, text);
    }
    assert.deepEqual(parseJsonText(`${'['.repeat(100_000)}`), { ok: false, fault: 'it nests too deep' });
    // The numbers that Python writes are no fault of a config, and move no place.
    const config = parseConfig('{"a": -Infinity, "b" 1}');
    assert.deepEqual(config, { ok: false, message: 'The file is not valid JSON: column 22: colon expected.' });
  });

  it('is none where JSON.parse reads it', () => {
    assert.deepEqual(parseJsonText('{"a": [1, null]}'), { ok: true, value: { a: [1, null] } });
  });
});
