import assert from 'node:assert/strict';
import {
  explained,
  fit,
  residue,
  type Observation,
} from '../../../../../diagnostics/circuits/factual-recall/regression';
import { random } from '../../../../../kernels/tensors/random';
import { cosine } from '../../../../../kernels/tensors/vectors';

const width = 24;
const drawn = random(5);
const vector = (): Float64Array => Float64Array.from({ length: width }, () => drawn.normal());

/** m = sum w x + c + noise, with regressors that are not centred. */
function planted(
  count: number,
  weights: readonly number[],
  c: Float64Array,
  { noise = 0, shift = 0.7 } = {},
): readonly Observation[] {
  return Array.from({ length: count }, () => {
    const regressors = weights.map(() => vector().map((value) => value + shift));
    const output = c.map(
      (value, i) =>
        value +
        regressors.reduce((sum, one, j) => sum + (weights[j] ?? 0) * (one[i] ?? 0), 0) +
        (noise > 0 ? noise * drawn.normal() : 0),
    );
    return { output, regressors };
  });
}

function near(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(found.length, expected.length);
  for (let i = 0; i < found.length; i++) {
    assert.ok(Math.abs(Number(found[i]) - Number(expected[i])) <= tolerance, `${found[i]}, not ${expected[i]} at ${i}`);
  }
}

describe('an MLP explained by what entered it', () => {
  const weights = [-1, 0, 0.4, 2, -0.3];
  const c = vector();

  it('finds planted weights and the intercept', () => {
    const observations = planted(30, weights, c);
    const found = fit(observations);
    near(found.weights, weights, 1e-6);
    near(found.intercept, c, 1e-6);
    assert.ok(found.r2 > 1 - 1e-9);
    assert.ok(found.condition > 1 && found.condition < 10);
    near(residue(found.weights, observations[3]!), c, 1e-5);
  });

  it('with noise has the share of the variance that is not noise, on other prompts too', () => {
    const noise = 1.5;
    // Each regressor has variance 1 in each dimension.
    const signal = weights.reduce((sum, weight) => sum + weight ** 2, 0);
    const expected = 1 - noise ** 2 / (signal + noise ** 2);
    const found = fit(planted(400, weights, c, { noise }));
    assert.ok(Math.abs(found.r2 / expected - 1) < 0.05, `${found.r2}, not ${expected}`);
    const other = explained(found, planted(400, weights, c, { noise }));
    assert.ok(Math.abs(other / expected - 1) < 0.05, `${other}, not ${expected}`);
    // On prompts that have nothing to do with it, the mean would have been better.
    assert.ok(explained(found, planted(400, weights.toReversed(), c, { noise })) < 0);
  });

  it('reads an erased head as -1, an output of zero as zeros, a constant one as the intercept alone', () => {
    const base = planted(20, [0, 0, 0], new Float64Array(width));
    const erased = fit(
      base.map(({ regressors }) => ({ regressors, output: (regressors[0] ?? c).map((value) => -value) })),
    );
    near(erased.weights, [-1, 0, 0], 1e-6);
    near(erased.intercept, new Float64Array(width), 1e-6);
    const zero = fit(base.map(({ regressors }) => ({ regressors, output: new Float64Array(width) })));
    assert.deepEqual([zero.weights, zero.r2], [[0, 0, 0], 0]);
    const constant = fit(base.map(({ regressors }) => ({ regressors, output: c })));
    assert.deepEqual([constant.weights, constant.r2], [[0, 0, 0], 0]);
    near(constant.intercept, c, 1e-12);
    assert.equal(explained(constant, [{ output: c, regressors: base[0]!.regressors }]), 0);
  });

  it('does not depend on the axes, and a constant added to a head moves only the intercept', () => {
    const observations = planted(25, weights, c, { noise: 0.5 });
    const found = fit(observations);
    // Householder: I - 2 v v^T.
    const v = vector();
    const scale = v.reduce((sum, value) => sum + value ** 2, 0);
    const reflected = (x: ArrayLike<number>): Float64Array => {
      const along = v.reduce((sum, value, i) => sum + value * Number(x[i]), 0);
      return v.map((value, i) => Number(x[i]) - (2 * along * value) / scale);
    };
    const turned = fit(
      observations.map(({ output, regressors }) => ({
        output: reflected(output),
        regressors: regressors.map(reflected),
      })),
    );
    near(turned.weights, found.weights, 1e-9);
    assert.ok(Math.abs(turned.r2 - found.r2) < 1e-9);
    near(turned.intercept, reflected(found.intercept), 1e-9);
    const moved = vector();
    const shifted = fit(
      observations.map(({ output, regressors: [first = moved, ...rest] }) => ({
        output,
        regressors: [first.map((value, i) => value + (moved[i] ?? 0)), ...rest],
      })),
    );
    near(shifted.weights, found.weights, 1e-9);
    near(
      shifted.intercept,
      found.intercept.map((value, i) => value - (found.weights[0] ?? 0) * (moved[i] ?? 0)),
      1e-9,
    );
  });

  it('two regressors that are the same share a weight, and the condition says so', () => {
    const observations = planted(20, [1], c).map(({ output, regressors: [only = c] }) => ({
      output,
      regressors: [only, only],
    }));
    const found = fit(observations);
    near(found.weights, [0.5, 0.5], 1e-6);
    assert.ok(Number.isNaN(found.condition) || found.condition > 1e12);
  });

  it('a regressor that does not vary has the weight 0', () => {
    const constant = Float64Array.of(1, 2);
    const found = fit([
      { output: Float64Array.of(1, 0), regressors: [constant] },
      { output: Float64Array.of(3, 4), regressors: [constant] },
    ]);
    assert.deepEqual([found.weights, [...found.intercept], found.r2], [[0], [2, 2], 0]);
  });

  it('the cosine of two vectors', () => {
    assert.ok(Math.abs(cosine(Float64Array.of(1, 0), Float64Array.of(1, 1)) - Math.SQRT1_2) < 1e-12);
    assert.ok(Number.isNaN(cosine(Float64Array.of(0, 0), Float64Array.of(1, 1))));
  });
});
