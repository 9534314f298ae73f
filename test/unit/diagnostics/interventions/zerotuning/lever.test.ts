import assert from 'node:assert/strict';
import { entropyOf, lever, leverSlope, rescaled } from '../../../../../diagnostics/interventions/zerotuning/lever';

const near = (a: number, b: number, tolerance = 1e-12): void =>
  assert.ok(Math.abs(a - b) <= tolerance, `${a}, not ${b}`);

describe('the operator of zerotuning', () => {
  const row = [0.4, 0.3, 0.2, 0.1];

  it('is softmax with ln gamma added to the first score, and gammas multiply', () => {
    for (const gamma of [0.1, 0.5, 1, 3, 20]) {
      const scores = row.map((p, key) => Math.log(p) + (key === 0 ? Math.log(gamma) : 0));
      const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
      rescaled(row, gamma).forEach((p, key) => near(p, Math.exp(scores[key] ?? 0) / total));
    }
    rescaled(rescaled(row, 3), 0.5).forEach((p, key) => near(p, rescaled(row, 1.5)[key] ?? Number.NaN));
    // By hand: 0.8 / 1.4 and 0.3 / 1.4.
    near(rescaled(row, 2)[0] ?? 0, 4 / 7);
    near(rescaled(row, 2)[1] ?? 0, 3 / 14);
  });

  it('changes gaps of other keys by the lever, whose slope is its derivative by the first weight', () => {
    for (const gamma of [0.2, 0.7, 2, 9]) {
      const changed = rescaled(row, gamma);
      const gap = (of: readonly number[]): number => Math.abs((of[1] ?? 0) - (of[3] ?? 0));
      near(Math.abs(gap(changed) - gap(row)) / gap(row), lever(0.4, gamma));
      const step = 1e-6;
      near((lever(0.4 + step, gamma) - lever(0.4 - step, gamma)) / (2 * step), leverSlope(0.4, gamma), 1e-6);
      assert.ok(leverSlope(0.4, gamma) >= 0);
    }
  });

  it('raises and then lowers the entropy of a row whose sink is small, and lowers that of a large one', () => {
    const rowOf = (first: number): number[] => [first, ...new Array<number>(20).fill((1 - first) / 20)];
    const entropies = (first: number): number[] =>
      [0.1, 0.5, 1, 2, 5, 10, 20].map((gamma) => entropyOf(rescaled(rowOf(first), gamma)));
    // Largest where token 0 weighs as much as each of the others: gamma = (1 - a0) / (20 a0) = 0.45 for a0 = 0.1.
    const small = entropies(0.1);
    assert.ok((small[1] ?? 0) > (small[0] ?? 0) && (small[1] ?? 0) > (small[6] ?? 0));
    near(Math.max(...small), Math.log(21), 2e-3);
    entropies(0.9).forEach((entropy, at, all) => assert.ok(at === 0 || entropy < (all[at - 1] ?? 0)));
  });
});
