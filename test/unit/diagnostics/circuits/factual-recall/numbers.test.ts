import assert from 'node:assert/strict';
import { neutralOf, type Window } from '../../../../../diagnostics/circuits/factual-recall/neutral-text';
import { rankAmong, rankOf, spreadOf } from '../../../../../diagnostics/circuits/factual-recall/ranks';
import {
  frequentTokens,
  suppressionOf,
  type DirectFact,
} from '../../../../../diagnostics/circuits/factual-recall/suppression';

const close = (found: number, expected: number): void =>
  assert.ok(Math.abs(found - expected) < 1e-9, `${found}, not ${expected}`);

describe('numbers of factual recall', () => {
  it('ranks count what is larger, from 1', () => {
    const logits = [3, 1, 4, 1, 5];
    assert.equal(rankOf(logits, [4]), 1);
    assert.equal(rankOf(logits, [1]), 4);
    assert.equal(rankOf(logits, [1, 2]), 2);
    assert.equal(rankAmong(logits, 0, [0, 1, 2]), 2);
    assert.deepEqual(spreadOf([4, 1, 2, 3]), { median: 2.5, low: 1.75, high: 3.25 });
  });

  it('harm on neutral text: loss, its change by window, calibration in ten bins', () => {
    const window = (loss: number, confidence: readonly number[], right: readonly boolean[]): Window => ({
      loss,
      tokens: confidence.length,
      confidence,
      right,
    });
    const before = [window(4, [0.95, 0.55], [true, false]), window(2, [0.95, 0.15], [false, false])];
    const after = [window(5, [0.95, 0.55], [true, false]), window(4, [0.95, 0.15], [false, false])];
    const found = neutralOf(after, before);
    close(found.loss, 9 / 4);
    close(found.change, 3 / 4);
    // Changes a token of 0.5 and 1: mean 0.75, standard error 0.25, t of one degree of freedom 12.706.
    assert.ok(Math.abs(found.changeHigh - (0.75 + 0.25 * 12.706)) < 1e-3);
    close(found.accuracy, 1 / 4);
    close(found.confidence, (0.95 + 0.55 + 0.95 + 0.15) / 4);
    // Bin of 0.95: one of two right; of 0.55 and 0.15: none of one.
    close(found.calibration, Math.abs(1 - 1.9) / 4 + 0.55 / 4 + 0.15 / 4);
  });

  it('frequent tokens weigh what they are found to be, or all alike without a text', () => {
    assert.deepEqual(frequentTokens([5, 7, 5, 5], 10), [
      { token: 5, weight: 0.75 },
      { token: 7, weight: 0.25 },
    ]);
    assert.deepEqual(frequentTokens([], 2), [
      { token: 0, weight: 0.5 },
      { token: 1, weight: 0.5 },
    ]);
  });

  it('the last layer lowers an answer where its heads and its MLP together do', () => {
    const fact = (heads: readonly number[], mlp: number): DirectFact => {
      const effects = { heads: [[1, 1], heads], mlp: [2, mlp], embedding: 0, rest: 0, logit: 0, tokens: [] };
      return { answer: effects, frequent: effects, margin: effects, error: 0 };
    };
    const found = suppressionOf([fact([1, -2], 0.5), fact([3, -1], -1), fact([0, -4], 1)], [0, 1], 2);
    close(found.lowered.value, 2 / 3);
    close(found.last.mean, (-0.5 + 1 - 3) / 3);
    assert.deepEqual(found.heads, [2, -1.5]);
    close(found.layers[0]?.attention.mean ?? 0, 2);
    close(found.layers[1]?.mlp.mean ?? 0, 0.5 / 3);
  });
});
