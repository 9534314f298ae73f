/** Ridge regression by both Gram matrices, and the errors of the three models on small sets. */
import assert from 'node:assert/strict';
import type { Features } from '../../../../../diagnostics/experiments/rfa-lens/features';
import { gramOf, products, relativeError, ridgePath } from '../../../../../diagnostics/experiments/rfa-lens/ridge';
import { random } from '../../../../../kernels/tensors/random';

const drawn = (rows: number, width: number, seed: number): Features => {
  const source = random(seed);
  return { rows, width, data: Float64Array.from({ length: rows * width }, () => source.normal()) };
};

describe('ridge regression on features', () => {
  it('has the Gram matrix of sums of products, for odd and even numbers of rows', () => {
    const gram = gramOf({ rows: 3, width: 2, data: Float64Array.of(1, 2, 3, 4, 5, 6) });
    assert.deepEqual(gram.to2DArray(), [
      [5, 11, 17],
      [11, 25, 39],
      [17, 39, 61],
    ]);
    assert.deepEqual(gramOf({ rows: 2, width: 1, data: Float64Array.of(2, 3) }).to2DArray(), [
      [4, 6],
      [6, 9],
    ]);
  });

  it('solves the normal equations, with fewer and with more examples than features', () => {
    for (const [rows, width] of [
      [12, 30],
      [30, 12],
    ] as const) {
      const features = drawn(rows, width, 1);
      const [y, z] = [2, 3].map((seed) => drawn(rows, 1, seed).data);
      for (const [at, { weights, share }] of ridgePath(features, [y!, z!], [1e-3, 0.1]).entries()) {
        assert.equal(share, [1e-3, 0.1][at]);
        for (const [target, own] of weights!.entries()) {
          // Phi^T (y - Phi v) = lambda v with one lambda for all features.
          const left = products(features, own).map((x, row) => [y!, z!][target]![row]! - x);
          const ratios = Array.from(own, (v, c) => {
            let sum = 0;
            for (let row = 0; row < rows; row++) sum += features.data[row * width + c]! * left[row]!;
            return sum / v;
          });
          const [lambda] = ratios;
          assert.ok(lambda! > 0);
          for (const ratio of ratios) assert.ok(Math.abs(ratio / lambda! - 1) < 1e-6, `${ratio}, ${lambda}`);
        }
      }
    }
  });

  it('takes lambda as a share of the largest eigenvalue', () => {
    // Phi^T Phi = diag(9, 4): v = 3 y / (9 + 0.5 * 9) along the first axis.
    const features = { rows: 2, width: 2, data: Float64Array.of(3, 0, 0, 2) };
    const [fit] = ridgePath(features, [Float64Array.of(1, 1)], [0.5]);
    assert.ok(Math.abs(fit!.weights![0]![0]! - 3 / 13.5) < 1e-4);
    assert.ok(Math.abs(fit!.weights![0]![1]! - 2 / 8.5) < 1e-4);
  });

  it('interpolates what it learns as lambda goes to 0, with as many features as examples', () => {
    const features = drawn(40, 60, 4);
    const y = drawn(40, 1, 5).data;
    const [tiny, large] = ridgePath(features, [y], [1e-12, 1]);
    assert.ok(relativeError(features, tiny!.weights![0]!, y) < 1e-12);
    assert.ok(relativeError(features, large!.weights![0]!, y) > 0.01);
  });
});
