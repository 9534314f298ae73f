/** Gaussian adaptive attention in the runtime. */
import type { GraphBuilder } from '../../graph/builder';
import {
  add,
  cast,
  divide,
  exponential,
  maximum,
  multiply,
  negate,
  squareRoot,
  subtract,
} from '../../graph/operators/elementwise';
import { concat, reshape, slice } from '../../graph/operators/layout';
import { cumulativeSum, reduceMean, reduceSum } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import { isCausalSelf, type AttentionShape, type Precision } from '../../shape';
import { chunksOf, epsilon, rootEpsilon, weightsOf, type GaamParameters } from './definition';

/** The learned tensors as inputs of a graph. */
export const weightInputs = (
  builder: GraphBuilder,
  shape: AttentionShape,
  parameters: GaamParameters,
  precision: Precision,
): readonly Value[] =>
  weightsOf(shape, parameters).map(({ name, shape: dims }) => builder.input(name, precision, dims));

/** The numbers of a chunk, of [heads, chunks, width], beside values of key/value heads [b, hkv, 1, n, dv]. */
export function besideValues(weight: Value, { heads, kvHeads }: AttentionShape, chunk = 0): Value {
  const [, chunks, width] = weight.shape as readonly [number, number, number];
  const own = chunks === 1 ? weight : slice(weight, 1, chunk, chunk + 1);
  return reshape(own, [kvHeads, heads / kvHeads, 1, width]);
}

/** Values [b, hkv, m, dv] times their gates: [b, h, n, dv]. */
export function gatedValues(
  value: Value,
  weights: readonly Value[],
  shape: AttentionShape,
  parameters: GaamParameters,
): Value {
  const { batch, heads, kvHeads, keys, valueDim } = shape;
  const parts = chunksOf(keys, parameters.chunks).map(([start, end], chunk) => {
    const x = reshape(slice(value, 2, start, end), [batch, kvHeads, 1, end - start, valueDim]);
    const own = weights.map((weight) => besideValues(weight, shape, chunk));
    if (isCausalSelf(shape)) return prefixGate(x, own);
    return parameters.variant === 'gate' ? wholeGate(x, own) : normalisedWeights(x, own, parameters);
  });
  const all = reshape(concat(parts, 3), [batch, heads, keys, valueDim]);
  return slice(all, 2, keys - shape.queries);
}

function wholeGate(x: Value, [offset, variance]: readonly Value[]): Value {
  const centred = subtract(x, reduceMean(x, [3]));
  const spread = add(reduceMean(multiply(centred, centred), [3]), epsilon + rootEpsilon);
  return gated(x, subtract(centred, offset!), spread, variance!);
}

/** Statistics over the positions so far, taken from the first value on: squares of large numbers would swallow the spread. */
function prefixGate(x: Value, [offset, variance]: readonly Value[]): Value {
  const length = Number(x.shape[3]);
  const counts = x.graph.constant(
    x.type,
    [length, 1],
    Float32Array.from({ length }, (_, i) => 1 / (i + 1)),
  );
  const shifted = subtract(x, slice(x, 3, 0, 1));
  const mean = multiply(cumulativeSum(shifted, 3), counts);
  const square = multiply(cumulativeSum(multiply(shifted, shifted), 3), counts);
  const spread = add(maximum(subtract(square, multiply(mean, mean)), 0), epsilon + rootEpsilon);
  return gated(x, subtract(subtract(shifted, mean), offset!), spread, variance!);
}

/** x exp(-(distance^2 / spread) / (2 variance)). */
export const gated = (x: Value, distance: Value, spread: Value, variance: Value): Value =>
  multiply(x, exponential(negate(divide(multiply(distance, distance), multiply(spread, multiply(variance, 2))))));

/** In float32 always: the least sum of weights that they are divided by, 1e-8, is zero in float16. */
function normalisedWeights(value: Value, learned: readonly Value[], { gaussians, combine }: GaamParameters): Value {
  const wide = (each: Value): Value => (each.type === 'float32' ? each : cast(each, 'float32'));
  const x = wide(value);
  const [offset, logSpread] = learned.map(wide);
  const length = Number(x.shape[3]);
  const ofGaussian = (weight: Value, at: number): Value => slice(weight, 3, at, at + 1);
  const centred = subtract(x, reduceMean(x, [3]));
  const variance = add(multiply(reduceSum(multiply(centred, centred), [3]), 1 / (length - 1)), epsilon);
  const root = squareRoot(variance);
  let combined: Value | undefined;
  for (let j = 0; j < gaussians; j++) {
    const own = ofGaussian(logSpread!, j);
    const z = divide(divide(subtract(centred, ofGaussian(offset!, j)), root), exponential(own));
    // log of exp(-z^2 / (2 c^2)) / sqrt(2 pi c^2)
    const logarithm = subtract(multiply(multiply(z, z), -0.5), add(own, 0.5 * Math.log(2 * Math.PI)));
    const term = combine === 'sum' ? exponential(logarithm) : logarithm;
    combined = combined ? add(combined, term) : term;
  }
  const weights = combine === 'sum' ? combined! : exponential(combined!);
  const output = multiply(x, divide(weights, maximum(reduceSum(weights, [3]), epsilon)));
  return value.type === 'float32' ? output : cast(output, value.type);
}
