import assert from 'node:assert/strict';
import {
  groundingGroups,
  groundingOf,
  rowShares,
  sharesOf,
} from '../../../../../diagnostics/vision/imbalanced-attention/grounding';
import { alphasUpTo } from '../../../../../diagnostics/vision/imbalanced-attention/parameters';
import type { Prompt } from '../../../../../diagnostics/model-runner/model-runner';

/** Two tokens of text, a tile of two tokens, a separator, a tile of two, three tokens of text. */
const prompt: Prompt = {
  ids: Array.from({ length: 10 }, (_, at) => at),
  tokens: Array.from({ length: 10 }, () => 'x'),
  text: null,
  groups: [{ name: 'image', positions: [2, 3, 5, 6] }],
  image: {
    ...{ name: 'a.png', path: '/a.png', sha256: '', width: 2, height: 1, start: 2, end: 7, tokens: 4 },
    tiles: [{ x: 0, y: 0, width: 2, height: 1, rows: 1, columns: 2, first: 2, stride: 2 }],
  },
};

describe('where the attention of a row goes', () => {
  it('text before the end of the picture is the system prompt, separators of tiles among it; text behind it the question', () => {
    const groups = groundingGroups(prompt, { top: [5], bottom: [] });
    assert.deepEqual(
      groups.map(({ positions }) => positions),
      [[2, 3, 5, 6], [0, 1, 4], [7, 8, 9], [5]],
    );
  });

  it('what the prompt does not get is the output; groups of others are passed over', () => {
    const own = groundingGroups(prompt, { top: [5], bottom: [] });
    const groups = [...own.slice(0, 2), { name: 'mine', positions: [0] }, ...own.slice(2)];
    // Two heads: picture, system, mine, question, raised.
    const mass = Float32Array.of(0.25, 0.125, 9, 0.125, 0.0625, 0.5, 0.25, 9, 0.250001, 0.5);
    const [shares] = rowShares([mass], groups);
    assert.deepEqual(sharesOf, ['image', 'system', 'question', 'output', 'raised', 'summary']);
    assert.deepEqual([...(shares ?? [])].slice(0, 6), [0.25, 0.125, 0.125, 0.5, 0.0625, 0]);
    assert.equal(shares?.[6 + 3], 0, 'no less than nothing');
  });

  it('is averaged over tokens, heads and layers; layers may have different numbers of heads', () => {
    const row = (first: readonly number[], second: readonly number[]) =>
      [first, second].map((images) => Float32Array.from(images.flatMap((image) => [image, 0, 0, 1 - image, 0, 0])));
    const found = groundingOf([row([0.5, 0.25], [0.125]), row([0.75, 0], [0.625])]);
    assert.deepEqual(found.perHead.image, [[0.625, 0.125], [0.375]]);
    assert.deepEqual(found.perHead.output, [[0.375, 0.875], [0.625]]);
    assert.deepEqual(found.perLayer.image, [0.375, 0.375]);
    assert.deepEqual(found.imageByToken, [
      [0.375, 0.375],
      [0.125, 0.625],
    ]);
    assert.deepEqual(found.imageOfToken, [0.25, 0.5]);
    assert.equal(found.image, 0.375);
  });
});

it('nine alphas up to the largest, none for 0', () => {
  assert.deepEqual(alphasUpTo(0.9), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
  assert.deepEqual(alphasUpTo(9), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(alphasUpTo(0), []);
});
