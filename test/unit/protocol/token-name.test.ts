import assert from 'node:assert/strict';
import { quotedToken, shownToken, typedToken } from '../../../protocol/wire/token-name';

describe('names of tokens', () => {
  const cases: readonly (readonly [token: string, shown: string])[] = [
    ['Paris', 'Paris'],
    [' Paris', '␣Paris'],
    ['\n\n', '↵↵'],
    ['\t', '⇥'],
    ['\r\n', '␍↵'],
    // Marks that stand in the text itself, and what cannot be seen.
    ['␣', '<U+2423>'],
    ['\u00a0', '<U+00A0>'],
    ['\u{e0041}', '<U+E0041>'],
    ['a·b', 'a·b'],
    ['\u001b[2J', '<U+001B>[2J'],
    ['<0xE2>', '<0xE2>'],
    ['</s>', '</s>'],
  ];
  for (const [token, shown] of cases) {
    it(`${JSON.stringify(token)} is written ${shown}, and what is written can be typed`, () => {
      assert.equal(shownToken(token), shown);
      assert.equal(quotedToken(token), `"${shown}"`);
      assert.equal(typedToken(shown), token);
      // A person may type spaces as they are.
      assert.equal(typedToken(' Paris'), ' Paris');
    });
  }

  it('says that a token is empty', () => assert.equal(shownToken(''), '∅'));

  it('keeps what is no code point', () => assert.equal(typedToken('<U+FFFFFF>'), '<U+FFFFFF>'));
});
