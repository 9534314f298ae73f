/** Checks of Gaussian adaptive attention (arXiv:2401.11143). */
import assert from 'node:assert/strict';
import { gaamGate } from '../../../../kernels/mechanisms/gaam/definition';
import { gaam } from '../../../../kernels/mechanisms/gaam/gaam';
import type { AttentionShape } from '../../../../kernels/shape';
import { drawInputs } from '../../../../kernels/inputs';
import { normalTensor } from '../../../../kernels/tensors/random';
import { tensor, type Tensor } from '../../../../kernels/tensors/tensor';
import { assertRight, runMechanism } from '../run';
import { assertClose, causalShape, parametersFor, takePositions } from './support';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

const shape: AttentionShape = causalShape(24, { pattern: 'noncausal-self' });
const gate = parametersFor(gaam, {});
const weights = parametersFor(gaam, { variant: 'weights', gaussians: 3 });

/** Random learned numbers in place of the initial ones, so that every head and feature differs. */
function learned(parameters: typeof gate, of = shape): AttentionInputs {
  const inputs = drawInputs(gaam, of, parameters, 8);
  const draw = (name: string, seed: number, f: (x: number) => number): Tensor => {
    const { shape: dims } = inputs.weights[name]!;
    const x = normalTensor(dims, seed);
    return tensor(
      dims,
      x.data.map((each) => Math.fround(f(each))),
    );
  };
  const offset = draw('offset', 1, (x) => 0.3 * x);
  return parameters.variant === 'gate'
    ? { ...inputs, weights: { offset, variance: draw('variance', 2, (x) => 1 + Math.abs(x)) } }
    : { ...inputs, weights: { offset, 'spread.log': inputs.weights['spread.log']! } };
}

/** The learned numbers of one chunk, [heads, 1, width], out of those of all, [heads, chunks, width]. */
const ofChunk = (all: AttentionInputs['weights'], chunk: number): AttentionInputs['weights'] =>
  Object.fromEntries(Object.entries(all).map(([name, x]) => [name, takeRows(x, chunk)]));
function takeRows({ shape: [heads, chunks, width], data }: Tensor, chunk: number): Tensor {
  const own = Array.from({ length: heads! * width! }, (_, at) => {
    const head = Math.floor(at / width!);
    return data[(head * chunks! + chunk) * width! + (at % width!)]!;
  });
  return tensor([heads!, 1, width!], Float64Array.from(own));
}

const filled = (x: Tensor, value: number): Tensor => tensor(x.shape, new Float64Array(x.data.length).fill(value));
const mapped = (x: Tensor, f: (each: number, at: number) => number): Tensor => tensor(x.shape, x.data.map(f));

describe('Gaussian adaptive attention', () => {
  it('gives the values back when the Gaussians are wide (variant weights: over n)', () => {
    const wide = learned(gate);
    assertClose(
      gaam.reference(
        { ...wide, weights: { ...wide.weights, variance: filled(wide.weights['variance']!, 1e12) } },
        shape,
        gate,
      ),
      wide.value,
      1e-9,
    );
    const one = { ...weights, gaussians: 1 };
    const flat = learned(one);
    const equal = { offset: filled(flat.weights['offset']!, 0), 'spread.log': filled(flat.weights['spread.log']!, 14) };
    assertClose(
      gaam.reference({ ...flat, weights: equal }, shape, one),
      mapped(flat.value, (x) => x / 24),
      1e-9,
    );
  });

  it('has weights that sum to 1 along each chunk, and a gate in (0, 1] that is 1 at mean + offset', () => {
    const parts = parametersFor(gaam, { variant: 'weights', gaussians: 3, chunks: 5 });
    const drawn = learned(parts);
    // Wide enough that the sum of a chunk stays above the epsilon it is divided by.
    const spread = mapped(drawn.weights['spread.log']!, (x) => 1 + Math.abs(x));
    const own = gaamGate({ ...drawn, weights: { ...drawn.weights, 'spread.log': spread } }, shape, parts);
    for (let h = 0; h < 4; h++) {
      for (const [start, end] of [
        [0, 4],
        [16, 24],
      ] as const) {
        for (let x = 0; x < 8; x++) {
          let sum = 0;
          for (let i = start; i < end; i++) sum += own.data[(h * 24 + i) * 8 + x]!;
          assert.ok(Math.abs(sum - 1) < 1e-12);
        }
      }
    }
    const inputs = learned(gate);
    const gates = gaamGate(inputs, shape, gate);
    assert.ok(gates.data.every((g) => g > 0 && g <= 1));
    // A constant column stands at its mean: with offset 0 the gate is 1.
    const constant = {
      ...inputs,
      value: filled(inputs.value, 3),
      weights: { ...inputs.weights, offset: filled(inputs.weights['offset']!, 0) },
    };
    assert.ok(gaamGate(constant, shape, gate).data.every((g) => g === 1));
  });

  it('keeps its gate under a shift, and under a scale when the offset is scaled too', () => {
    const inputs = learned(gate);
    const own = gaamGate(inputs, shape, gate);
    assertClose(gaamGate({ ...inputs, value: mapped(inputs.value, (x) => x + 7) }, shape, gate), own, 1e-9);
    const scaled = {
      ...inputs,
      value: mapped(inputs.value, (x) => 50 * x),
      weights: { ...inputs.weights, offset: mapped(inputs.weights['offset']!, (x) => 50 * x) },
    };
    // 1e-5 under the root of a variance of 1 is what a scale of 50 takes away: a relative 1e-5 of each exponent.
    assertClose(gaamGate(scaled, shape, gate), own, 1e-5);
    for (const [parameters, names] of [
      [gate, ['offset']],
      [weights, ['offset']],
    ] as const) {
      // Values of variance 1e4: beside it the two epsilons are nothing.
      const drawn = learned(parameters);
      const large = { ...drawn, value: mapped(drawn.value, (x) => 100 * x) };
      const still = { ...large, weights: { ...large.weights, offset: filled(large.weights['offset']!, 0) } };
      const before = gaamGate(still, shape, parameters);
      const louder = { ...still, value: mapped(still.value, (x) => 50 * x) };
      assertClose(gaamGate(louder, shape, parameters), before, 1e-6, `${parameters.variant}, offset 0`);
      const shifted = { ...large, value: mapped(large.value, (x) => x + 7) };
      assertClose(gaamGate(shifted, shape, parameters), gaamGate(large, shape, parameters), 1e-9, parameters.variant);
      const grown = Object.fromEntries(names.map((name) => [name, mapped(large.weights[name]!, (x) => 50 * x)]));
      const both = { value: mapped(large.value, (x) => 50 * x), weights: { ...large.weights, ...grown } };
      assertClose(gaamGate({ ...large, ...both }, shape, parameters), gaamGate(large, shape, parameters), 1e-6);
    }
  });

  it('collapses: the product of Gaussians is one of precision T = sum 1 / c^2 and mean m = sum (delta / sd) / c^2 / T', () => {
    const inputs = learned(weights);
    const own = gaamGate(inputs, shape, weights);
    for (let h = 0; h < 4; h++) {
      for (let x = 0; x < 8; x++) {
        const column = Array.from({ length: 24 }, (_, i) => inputs.value.data[(h * 24 + i) * 8 + x]!);
        const mean = column.reduce((sum, y) => sum + y, 0) / 24;
        const sd = Math.sqrt(column.reduce((sum, y) => sum + (y - mean) ** 2, 0) / 23 + 1e-8);
        let [t, m] = [0, 0];
        for (let j = 0; j < 3; j++) {
          const precision = Math.exp(-2 * inputs.weights['spread.log']!.data[h * 3 + j]!);
          t += precision;
          m += (precision * inputs.weights['offset']!.data[h * 3 + j]!) / sd;
        }
        const single = column.map((y) => Math.exp((-t * ((y - mean) / sd - m / t) ** 2) / 2));
        const total = single.reduce((sum, each) => sum + each, 0);
        single.forEach((each, i) => assert.ok(Math.abs(each / total - own.data[(h * 24 + i) * 8 + x]!) < 1e-14));
      }
    }
    const sum = { ...weights, combine: 'sum' as const };
    assert.throws(() => assertClose(gaamGate(inputs, shape, sum), own, 1e-3), /differs/);
  });

  it('moves with a permutation of the positions of a chunk', () => {
    const order = Array.from({ length: 24 }, (_, i) => (i * 7) % 24);
    for (const parameters of [gate, weights]) {
      const inputs = learned(parameters);
      const output = gaam.reference(inputs, shape, parameters);
      const moved = gaam.reference({ ...inputs, value: takePositions(inputs.value, order) }, shape, parameters);
      assertClose(moved, takePositions(output, order), 1e-14);
    }
  });

  it('treats chunks as independent sequences with learned numbers of their own, the last taking the remainder', async () => {
    const parts = parametersFor(gaam, { variant: 'weights', gaussians: 2, chunks: 5 });
    const inputs = learned(parts);
    const whole = gaam.reference(inputs, shape, parts);
    const alone = parametersFor(gaam, { variant: 'weights', gaussians: 2 });
    for (const [chunk, start, end] of [
      [1, 4, 8],
      [4, 16, 24],
    ] as const) {
      const weights = ofChunk(inputs.weights, chunk);
      const positions = Array.from({ length: end - start }, (_, i) => start + i);
      const part = { ...shape, queries: end - start, keys: end - start };
      const own = gaam.reference({ ...inputs, weights, value: takePositions(inputs.value, positions) }, part, alone);
      assertClose(takePositions(whole, positions), own, 0);
    }
    assertClose(await runMechanism(gaam, inputs, shape, parts), whole, 1e-5);
    const three = parametersFor(gaam, { chunks: 3 });
    const gates = learned(three);
    const gated = gaam.reference(gates, shape, three);
    assertClose(await runMechanism(gaam, gates, shape, three), gated, 1e-5);
    const middle = Array.from({ length: 8 }, (_, i) => 8 + i);
    const own = { ...gates, weights: ofChunk(gates.weights, 1), value: takePositions(gates.value, middle) };
    assertClose(
      takePositions(gated, middle),
      gaam.reference(own, { ...shape, queries: 8, keys: 8 }, parametersFor(gaam, {})),
      0,
    );
  });

  it('learns 2 x features numbers a chunk as a gate, 2 x Gaussians as weights, for each attention head', () => {
    const count = (parameters: typeof gate) =>
      gaam.weights!(shape, parameters).reduce((sum, { shape: dims }) => sum + dims.reduce((all, x) => all * x, 1), 0);
    // Four heads of eight features, three chunks; five chunks of two Gaussians.
    assert.equal(count(parametersFor(gaam, { chunks: 3 })), 2 * 3 * 32);
    assert.equal(count(parametersFor(gaam, { variant: 'weights', gaussians: 2, chunks: 5 })), 2 * 5 * 2 * 4);
  });

  it('has the gradients of its equations (central differences); symmetric values have none in the offset', () => {
    const inputs = learned(gate);
    const sumOf = (name: 'offset' | 'variance', step: number, from = inputs) => {
      const changed = mapped(from.weights[name]!, (x, at) => (at === 11 ? x + step : x));
      const own = gaamGate({ ...from, weights: { ...from.weights, [name]: changed } }, shape, gate);
      let sum = 0;
      for (let i = 0; i < 24; i++) sum += own.data[(24 + i) * 8 + 3]!;
      return sum;
    };
    const column = Array.from({ length: 24 }, (_, i) => inputs.value.data[(24 + i) * 8 + 3]!);
    const mean = column.reduce((sum, y) => sum + y, 0) / 24;
    const variance = column.reduce((sum, y) => sum + (y - mean) ** 2, 0) / 24 + 1e-8 + 1e-5;
    const [delta, xi] = [inputs.weights['offset']!.data[11]!, inputs.weights['variance']!.data[11]!];
    const z = column.map((y) => (y - mean - delta) / Math.sqrt(variance));
    const byOffset = z.reduce(
      (sum, each) => sum + (Math.exp(-(each ** 2) / (2 * xi)) * each) / (xi * Math.sqrt(variance)),
      0,
    );
    const byVariance = z.reduce(
      (sum, each) => sum + (Math.exp(-(each ** 2) / (2 * xi)) * each ** 2) / (2 * xi ** 2),
      0,
    );
    assert.ok(Math.abs((sumOf('offset', 1e-5) - sumOf('offset', -1e-5)) / 2e-5 - byOffset) < 1e-6);
    assert.ok(Math.abs((sumOf('variance', 1e-5) - sumOf('variance', -1e-5)) / 2e-5 - byVariance) < 1e-6);
    const symmetric = {
      ...inputs,
      value: mapped(inputs.value, (_, at) => ((Math.floor(at / 8) % 24) - 11.5) / 5),
      weights: { ...inputs.weights, offset: filled(inputs.weights['offset']!, 0) },
    };
    assert.ok(Math.abs(sumOf('offset', 1e-5, symmetric) - sumOf('offset', -1e-5, symmetric)) / 2e-5 < 1e-9);
  });

  it('has the gradients of its equations as weights too, for a product of Gaussians (central differences)', () => {
    const inputs = learned(weights);
    const [h, x] = [1, 3];
    const column = Array.from({ length: 24 }, (_, i) => inputs.value.data[(h * 24 + i) * 8 + x]!);
    const mean = column.reduce((sum, y) => sum + y, 0) / 24;
    const sd = Math.sqrt(column.reduce((sum, y) => sum + (y - mean) ** 2, 0) / 23 + 1e-8);
    const own = Array.from({ length: 24 }, (_, i) => gaamGate(inputs, shape, weights).data[(h * 24 + i) * 8 + x]!);
    for (const j of [0, 1, 2]) {
      const [delta, c] = [
        inputs.weights['offset']!.data[h * 3 + j]!,
        Math.exp(inputs.weights['spread.log']!.data[h * 3 + j]!),
      ];
      const z = column.map((y) => (y - mean - delta) / sd);
      // Slopes of log w before w is divided by its sum; the sum subtracts the mean weighted by w.
      const slopes = {
        offset: z.map((each) => each / (c ** 2 * sd)),
        'spread.log': z.map((each) => each ** 2 / c ** 2 - 1),
      };
      for (const name of ['offset', 'spread.log'] as const) {
        const average = slopes[name].reduce((sum, slope, i) => sum + slope * own[i]!, 0);
        const moved = (step: number): Float64Array => {
          const changed = mapped(inputs.weights[name]!, (each, at) => (at === h * 3 + j ? each + step : each));
          return gaamGate({ ...inputs, weights: { ...inputs.weights, [name]: changed } }, shape, weights).data;
        };
        const [up, down] = [moved(1e-5), moved(-1e-5)];
        const expected = own.map((w, i) => w * (slopes[name][i]! - average));
        const size = Math.hypot(...expected);
        const apart = Math.hypot(
          ...expected.map((each, i) => (up[(h * 24 + i) * 8 + x]! - down[(h * 24 + i) * 8 + x]!) / 2e-5 - each),
        );
        assert.ok(size > 1e-6 && apart < 1e-6 * size, `${name} of Gaussian ${j}: ${apart} of ${size}`);
      }
    }
  });

  it('stays within its rounding bound where running sums are long and begin far from the mean', async () => {
    const long: AttentionShape = causalShape(1024, { heads: 1, kvHeads: 1 });
    const inputs = drawInputs(gaam, long, gate, 3);
    // The first value of each feature is the largest: the sums about it are ten times the variance.
    const value = mapped(inputs.value, (x, at) => (at < long.valueDim ? 4.5 : x));
    const far = { ...inputs, value };
    const output = await runMechanism(gaam, far, long, gate);
    const plain = { ...gaam, amplification: () => 1 };
    assert.throws(() => assertRight(plain, output, far, long, gate, 'float32', 'sums that do not cancel'), /allowed/);
    assertRight(gaam, output, far, long, gate, 'float32', 'sums about the first value');
  });
});
