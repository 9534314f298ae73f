/** Each gradient of a run along one direction of all its numbers, and along its largest number alone. */
import assert from 'node:assert/strict';
import type { GradientResult, GradientTap } from '../../../diagnostics/model-runner/gradients';
import { random, seedFor } from '../../../kernels/tensors/random';
import { float32Limit } from './check';
import { tapKey, type Float64Model, type Moves } from './float64-model';

export const blockTaps = [
  'residual.input',
  'attention.query',
  'attention.key',
  'attention.value',
  'attention.probabilities',
  'attention.head_output',
  'attention.output',
  'mlp_output',
  'residual',
] as const satisfies readonly GradientTap[];

/** Differences whose two steps disagree lie across a kink of ReLU: counted, and left out. */
export class Kinks {
  compared = 0;
  moved = 0;
}

export function assertGradients(
  name: string,
  result: GradientResult,
  reference: Float64Model,
  kinks: Kinks,
  /** Along the largest number of each besides. */
  each = true,
): void {
  const plain = reference.objective();
  assert.ok(Math.abs(result.objective - plain) < 1e-4 * Math.max(1, Math.abs(plain)), `${name}: the objective`);
  const check = (what: string, gradient: ArrayLike<number>, moves: (by: Float64Array) => Moves): void => {
    const numbers = Float64Array.from(gradient);
    const source = random(seedFor(3, `${name} ${what}`));
    const all = numbers.map(() => source.normal() / Math.sqrt(numbers.length));
    const norm = Math.hypot(...numbers);
    const largest = numbers.reduce((best, x, i) => (Math.abs(x) > Math.abs(numbers[best]!) ? i : best), 0);
    const one = new Float64Array(numbers.length);
    one[largest] = 1;
    for (const [direction, scale] of [
      [all, norm / Math.sqrt(numbers.length)],
      ...(each ? [[one, Math.abs(numbers[largest]!)] as const] : []),
    ] as const) {
      const slope = (step: number): number => {
        const up = reference.objective(moves(direction.map((x) => x * step)));
        const down = reference.objective(moves(direction.map((x) => -x * step)));
        return (up - down) / (2 * step);
      };
      const expected = slope(1e-5);
      const found = numbers.reduce((sum, x, i) => sum + x * direction[i]!, 0);
      kinks.compared++;
      // float32 leaves about 1e-7 of sums that cancel, e.g. of keys, which all queries see alike.
      if (Math.abs(found - expected) <= float32Limit * scale + 1e-6) continue;
      const crossed = Math.abs(expected - slope(2e-5)) > 1e-4 * Math.max(scale, 1e-4);
      assert.ok(crossed, `${name}: ${what} is ${found} along a direction, not ${expected}`);
      kinks.moved++;
    }
  };
  for (const { layer, taps, headGains, scoreBiases, mixtureShares } of result.layers) {
    for (const [tap, value] of Object.entries(taps)) {
      const key = tapKey(layer, tap as GradientTap);
      check(key, value.data as Float32Array, (by) => ({ taps: new Map([[key, by]]) }));
    }
    if (headGains) check(`gains of layer ${layer}`, headGains, (by) => ({ gains: new Map([[layer, by]]) }));
    if (mixtureShares) check(`shares of layer ${layer}`, mixtureShares, (by) => ({ shares: new Map([[layer, by]]) }));
    if (scoreBiases) check(`biases of layer ${layer}`, scoreBiases, (by) => ({ biases: new Map([[layer, by]]) }));
  }
  if (result.embedding) check('embedding', result.embedding, (by) => ({ embedding: by }));
  for (const [weight, { data }] of result.weights) {
    check(weight, data, (by) => ({ weights: new Map([[weight, by]]) }));
  }
}

export function assertClose(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  what: string,
  skipped?: (at: number) => boolean,
): void {
  assert.equal(a.length, b.length, what);
  const most = Math.max(...Array.from(b, Math.abs));
  for (let i = 0; i < a.length; i++) {
    if (skipped?.(i)) continue;
    assert.ok(Math.abs(a[i]! - b[i]!) <= 1e-4 * most + 1e-6, `${what} in chunks`);
  }
}

/** In chunks of queries; probabilities of keys that a query may not read have a gradient only where they are computed. */
export function assertInChunks(actual: GradientResult, expected: GradientResult, windows: readonly number[]): void {
  const length = expected.layers[0]!.taps.residual!.shape[1]!;
  assertClose(actual.embedding!, expected.embedding!, 'embedding');
  for (const [name, { data }] of expected.weights) assertClose(actual.weights.get(name)!.data, data, name);
  expected.layers.forEach(({ layer, taps, headGains, scoreBiases }, at) => {
    const other = actual.layers[at]!;
    const unreadable = (at: number): boolean => {
      const distance = (Math.floor(at / length) % length) - (at % length);
      return distance < 0 || distance >= windows[layer]!;
    };
    assertClose(other.headGains!, headGains!, `gains of layer ${layer}`);
    if (scoreBiases) assertClose(other.scoreBiases!, scoreBiases, `biases of layer ${layer}`);
    for (const tap of blockTaps) {
      const [a, b] = [other.taps[tap]!.data as Float32Array, taps[tap]!.data as Float32Array];
      assertClose(a, b, `${tap} of ${layer}`, tap === 'attention.probabilities' ? unreadable : undefined);
    }
  });
}
