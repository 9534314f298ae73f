/** What the first sentence says, and what it keeps to itself. */
import assert from 'node:assert/strict';
import { finding } from '../../../../../diagnostics/vision/vit-visual-analytics/finding';

describe('the finding of the heads of a vision transformer', () => {
  const score = { pictures: 20, accuracy: 0.15, low: 0.05, high: 0.36, probability: 0.12 };
  const known = {
    reader: 'probe',
    metric: 'divergence',
    classes: Array.from({ length: 10 }, (_, at) => `c${at}`),
    curves: [
      {
        id: 'divergence',
        title: 'M3',
        points: [0, 5, 10].map((pruned) => ({
          pruned,
          share: pruned / 10,
          accuracy: pruned < 10 ? 0.9 : 0.1,
          probability: 0.5,
        })),
      },
    ],
  } as const;

  it('says of a reader that only guesses that it guesses, and nothing of pruning', () => {
    const text = finding({ ...known, ranked: score, heldOut: score });
    assert.match(text, /not clearly more than guessing \(10 %\)/);
    assert.doesNotMatch(text, /can be pruned/);
  });

  it('says how far heads can be pruned until accuracy falls, where there is accuracy', () => {
    const good = { ...score, accuracy: 0.9, low: 0.7, high: 0.97 };
    const text = finding({ ...known, ranked: good, heldOut: good });
    assert.match(text, /By M3 distribution 5 of 10 heads can be pruned/);
    assert.doesNotMatch(text, /guessing/);
  });
});
