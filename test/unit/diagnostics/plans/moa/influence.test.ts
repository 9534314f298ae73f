/** First-order influence of attention weights. */
import assert from 'node:assert/strict';
import { blockInfluence, byDistance, largestOf, rowInfluence } from '../../../../../diagnostics/plans/moa/influence';
import { random } from '../../../../../kernels/tensors/random';

const near = (found: number, expected: number, within: number, what = ''): void =>
  assert.ok(Math.abs(found - expected) <= within, `${what}: ${found}, not ${expected}`);

const softmax = (scores: readonly number[]): number[] => {
  const weights = scores.map(Math.exp);
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
};

describe('influence', () => {
  const source = random(7);
  const keys = 9;
  const weights = softmax(Array.from({ length: keys }, () => 3 * source.uniform()));
  const gradients = Array.from({ length: keys }, () => 2 * source.uniform() - 1);
  const influence = rowInfluence(weights, gradients);

  it('is the exact change where the loss is linear in the output of the head', () => {
    // Output: sum of A v with scalar values v; loss 2 x output; g = 2 v.
    const loss = (row: readonly number[]): number =>
      row.reduce((sum, weight, key) => sum + weight * (gradients[key] ?? 0), 0);
    for (let masked = 0; masked < keys; masked++) {
      const rest = weights.reduce((sum, weight, key) => sum + (key === masked ? 0 : weight), 0);
      const left = weights.map((weight, key) => (key === masked ? 0 : weight / rest));
      near(influence[masked] ?? 0, loss(left) - loss(weights), 1e-14, `key ${masked}`);
    }
  });

  it('adds up to nothing when each is weighed by 1 - A', () =>
    near(
      influence.reduce((sum, value, key) => sum + (1 - (weights[key] ?? 0)) * value, 0),
      0,
      1e-15,
    ));

  it('is nothing where all gradients of a row are equal', () =>
    rowInfluence(weights, new Array<number>(keys).fill(0.7)).forEach((value) => near(value, 0, 1e-15)));

  it('of a weight of almost one it is what the others say, without rounding', () => {
    // One weight leaves 3e-9 to the others, which single precision would lose in 1 - A.
    const rest = [1e-9, 2e-9];
    const [first = 0, second = 0, third = 0] = rowInfluence([1 - 3e-9, ...rest], [0.5, 2, -1]);
    // Masked, the weight goes to the others as 1 : 2, whose mean gradient is 0.
    near(first, -0.5, 1e-8);
    near(second, 1e-9 * (0.5 - 2), 1e-16);
    near(third, 2e-9 * (0.5 + 1), 1e-16);
  });

  it('of a key that is read alone it is the weight itself', () =>
    assert.deepEqual([...rowInfluence([1], [0.25])], [-0.25]));

  it('is summed over blocks by its size', () => {
    // Two queries: the first reads itself alone, the second both keys evenly: E = 1 (mean - g) = +-0.5.
    const map = blockInfluence(Float32Array.of(1, 0, 0.5, 0.5), Float32Array.of(3, 9, 1, 0), 2, {
      block: 1,
      blocks: 3,
    });
    assert.deepEqual([...map], [3, 0, 0, 0.5, 0.5, 0, 0, 0, 0]);
    assert.deepEqual(
      [...blockInfluence(Float32Array.of(1, 0, 0.5, 0.5), Float32Array.of(3, 9, 1, 0), 2, { block: 2, blocks: 1 })],
      [4],
    );
  });

  it('by distance it leaves out the first column', () =>
    assert.deepEqual([...byDistance([9, 0, 0, 9, 1, 0, 9, 2, 4], 3)], [5, 2, 0]));

  it('of query heads that share keys the largest counts, block by block', () =>
    assert.deepEqual([...largestOf([Float64Array.of(1, 4), Float64Array.of(2, 3)])], [2, 4]));
});
