import assert from 'node:assert/strict';
import type { ModelRunner } from '../../../../diagnostics/model-runner/model-runner';
import { namedToken } from '../../../../diagnostics/model-runner/named-token';

/** `Paris` 1, ` Paris` 2, `paris` 3; another text is one token for each letter, from 10. */
const ids = new Map([
  ['Paris', 1],
  [' Paris', 2],
  ['paris', 3],
]);
const encode = (text: string): readonly number[] => {
  const known = ids.get(text.toLowerCase() === 'paris!' ? 'paris' : text);
  return known === undefined ? Array.from(text, (_, at) => 10 + at) : [known];
};
const model = {
  facts: { summary: { vocabulary: 50 } },
  encode,
  named: (piece: string) => ids.get(piece),
  pieces: (some: readonly number[]) => some.map((id) => ` t${id}`),
} as unknown as ModelRunner;

describe('a token that a person names', () => {
  for (const [typed, id] of [
    ['', undefined],
    ['#17', 17],
    ['Paris', 1],
    [' Paris', 2],
    // As it is shown.
    ['␣Paris', 2],
    // No piece, but encoded to one token.
    ['PARIS!', 3],
  ] as const) {
    it(`${JSON.stringify(typed)} is ${id}`, () => assert.equal(namedToken(model, typed), id));
  }

  it('a text of several tokens is refused with their names', () => {
    assert.throws(
      () => namedToken(model, '␣ab'),
      /"␣ab" is 3 tokens of this model \("␣t10", "␣t11", "␣t12"\), and one is/,
    );
  });

  it('an id that is not in the vocabulary is refused', () => {
    assert.throws(() => namedToken(model, '#50'), /no token #50: the vocabulary has 50 tokens, from #0/);
  });

  it('a text that the tokenizer joins to the prompt is refused, with both tokens that may be meant', () => {
    assert.throws(
      () => namedToken(model, 'Paris', () => undefined),
      /joins "Paris" to the end of the prompt\. Write "␣Paris", or #1 for the token without a space\./,
    );
  });
});
