import assert from 'node:assert/strict';
import { printable, printableLine } from '../../../protocol/wire/printable';
import { sentenceOf } from '../../../protocol/wire/words';

describe('printable text', () => {
  it('shows characters that steer a terminal instead of sending them', () => {
    assert.equal(printable('a\u001b[2Jb\u009b31m'), 'a\\u001b[2Jb\\u009b31m');
    assert.equal(printable('\u001b]0;title\u0007\r\b\u007f'), '\\u001b]0;title\\u0007\\u000d\\u0008\\u007f');
    assert.equal(printable('gpj.\u202etxe\u2066\u200f\u061c\u2028'), 'gpj.\\u202etxe\\u2066\\u200f\\u061c\\u2028');
  });

  it('leaves letters, emoji and joiners, newlines and tabs', () => {
    const text = 'Größe\t中文 עברית 👩‍🔬 ▁the Ġa\n';
    assert.equal(printable(text), text);
    assert.equal(printableLine('a\tb\nc'), 'a\\u0009b\\u000ac');
  });

  it('leaves JSON what it says', () => {
    const value = { 'a\u202e': ['\\\u009b', '\u001b', '"\u2028'] };
    assert.deepEqual(JSON.parse(printable(JSON.stringify(value, null, 2))), value);
  });

  it('holds for every sentence of a failure', () => {
    const sentence = sentenceOf({ code: 'model-unusable', folder: 'x\u001b[2J', detail: 'no \u202e tensor' });
    assert.equal(sentence, 'The model in x\\u001b[2J cannot be run: no \\u202e tensor.');
  });

  it('ends with one next step: that of the failure, or the usual one', () => {
    assert.equal(
      sentenceOf({ code: 'unsupported', detail: 'Induction does not fit this model. Choose another task.' }),
      'This is not supported: Induction does not fit this model. Choose another task.',
    );
    assert.equal(
      sentenceOf({ code: 'unsupported', detail: 'no such pattern' }),
      'This is not supported: no such pattern. Choose another shape, pattern or mechanism.',
    );
  });
});
