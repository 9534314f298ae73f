import { tensorBytes } from '../cost/attention';
import { attentionGraph } from '../graph/attention-graph';
import {
  add,
  divide,
  exponential,
  maximum,
  multiply,
  negate,
  squareRoot,
  subtract,
} from '../graph/operators/elementwise';
import { concat, reshape, slice } from '../graph/operators/layout';
import { cumulativeSum, reduceMean, reduceSum } from '../graph/operators/reduce';
import type { Value } from '../graph/records';
import type { AttentionInputs, Mechanism, Weight } from '../mechanism';
import { isCausalSelf, queryOffset, type AttentionShape } from '../shape';
import { zeros, type Tensor } from '../tensors/tensor';
import { largest, roundingUnit } from '../tensors/tolerance';

interface Parameters extends Record<string, number | string> {
  readonly variant: 'gate' | 'weights';
  readonly chunks: number;
  readonly gaussians: number;
  readonly combine: 'product' | 'sum';
}

/** Added to the variance, and below the root besides (variant `gate`: two of them in the authors' code). */
const epsilon = 1e-8;
const rootEpsilon = 1e-5;

/** Positions [start, end) of each chunk: n / H each, the last one takes what is left. */
export function chunksOf(length: number, chunks: number): readonly (readonly [start: number, end: number])[] {
  const size = Math.floor(length / chunks);
  return Array.from({ length: chunks }, (_, i) => [i * size, i === chunks - 1 ? length : (i + 1) * size] as const);
}

export const gaam: Mechanism<Parameters> = {
  id: 'gaam',
  title: 'Gaussian adaptive attention (GAAM)',
  family: 'gate',
  summary:
    'Multiplies each position by a learned Gaussian of its distance from the mean along the sequence: no queries, no keys, no pairs. A gate on features whose statistics drift, at a cost that grows with n.',
  source: {
    reference:
      'arXiv:2401.11143; both variants as in the authors’ code (DAAM-PEFT-paper-code; Gaussian-Adaptive-Attention)',
    trust: 'high',
    note: 'Reads values only; the axis is the sequence. Causal statistics over the positions so far, and the sum of Gaussians, are not from the paper. Entries equal to a padding value are not passed over, as the package does.',
  },
  template: {
    projected: 'mean and variance of each feature along the positions',
    scores: 'a Gaussian of the value’s distance from the mean',
    positions: { words: 'its own; the others through mean and variance', chosen: 'beforehand' },
    normaliser: { words: 'none', averagesValues: false },
    aggregation: 'the value times its gate',
    mixing: 'data-dependent',
    matrix: 'diagonal',
    state: { words: 'two sums and a count for each feature', grows: false },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'two sums and a count for each feature',
    },
  },
  parameters: {
    variant: {
      kind: 'choice',
      title: 'Variant',
      description:
        'gate: the paper’s, in (0, 1] and not normalised; weights: the package’s, which sum to 1 along a chunk.',
      options: ['gate', 'weights'],
      default: 'gate',
    },
    chunks: {
      kind: 'integer',
      title: 'Chunks',
      description: 'Contiguous parts of the sequence with statistics of their own (the code’s "heads").',
      min: 1,
      max: 4096,
      default: 1,
    },
    gaussians: {
      kind: 'integer',
      title: 'Gaussians',
      description: 'Variant weights: Gaussians of a head. Their product is again one Gaussian.',
      min: 1,
      max: 64,
      default: 5,
    },
    combine: {
      kind: 'choice',
      title: 'Combine',
      description: 'Variant weights: product as released; sum is not in the released code.',
      options: ['product', 'sum'],
      default: 'product',
    },
  },
  layout: 'heads-first',
  exponent: 1,
  supports(shape, { variant, chunks }) {
    if (shape.pattern === 'noncausal-cross' || shape.pattern === 'causal-cross') {
      return {
        ok: false,
        why: 'GAAM gates the values of one sequence: it has no queries that could read another one.',
      };
    }
    if (isCausalSelf(shape)) {
      if (variant === 'weights') {
        return {
          ok: false,
          why: 'The weights of a chunk sum to 1 over all its positions, later ones too: choose variant "gate" for causal attention.',
        };
      }
      return chunks === 1
        ? { ok: true }
        : { ok: false, why: 'Where chunks end depends on the whole length: causal attention takes 1 chunk.' };
    }
    if (shape.queries !== shape.keys) {
      return {
        ok: false,
        why: `GAAM gives one output for each value: ${shape.queries} queries have ${shape.keys} values.`,
      };
    }
    if (variant === 'gate' && shape.keys % chunks !== 0) {
      return {
        ok: false,
        why: `Variant "gate" needs chunks that divide the length: ${chunks} do not divide ${shape.keys}.`,
      };
    }
    if (Math.floor(shape.keys / chunks) < (variant === 'weights' ? 2 : 1)) {
      return {
        ok: false,
        why: `A chunk needs ${variant === 'weights' ? 'two positions for its variance' : 'a position'}: ${shape.keys} positions are too few for ${chunks} chunks.`,
      };
    }
    return { ok: true };
  },
  weights: ({ heads, valueDim }, { variant, gaussians }): readonly Weight[] =>
    variant === 'gate'
      ? [
          { name: 'offset', shape: [heads, 1, valueDim], initial: { kind: 'constant', value: 0 } },
          { name: 'variance', shape: [heads, 1, valueDim], initial: { kind: 'constant', value: 2 } },
        ]
      : [
          { name: 'offset', shape: [heads, gaussians], initial: { kind: 'constant', value: 0 } },
          { name: 'spread.log', shape: [heads, gaussians], initial: { kind: 'normal', deviation: 1 } },
        ],
  reference(inputs, shape, parameters) {
    const { data } = gaamGate(inputs, shape, parameters);
    const output = zeros([shape.batch, shape.heads, shape.queries, shape.valueDim]);
    eachRow(shape, (to, from) => {
      for (let x = 0; x < shape.valueDim; x++) output.data[to + x] = inputs.value.data[from + x]! * data[to + x]!;
    });
    return output;
  },
  build: (full, parameters, precision) =>
    attentionGraph('gaam', full, precision, 'heads-first', ({ builder, value }, shape) => {
      const { batch, heads, kvHeads, keys, valueDim } = shape;
      const group = heads / kvHeads;
      const weights = gaam.weights!(full, parameters).map(({ name, shape: dims }) =>
        builder.input(name, precision, dims),
      );
      const perHead = (x: Value, at?: number): Value =>
        at === undefined
          ? reshape(x, [kvHeads, group, 1, valueDim])
          : reshape(slice(x, 1, at, at + 1), [kvHeads, group, 1, 1]);
      const parts = chunksOf(keys, parameters.chunks).map(([start, end]) => {
        const x = reshape(slice(value, 2, start, end), [batch, kvHeads, 1, end - start, valueDim]);
        return isCausalSelf(shape)
          ? prefixGate(
              x,
              weights.map((weight) => perHead(weight)),
            )
          : parameters.variant === 'gate'
            ? wholeGate(
                x,
                weights.map((weight) => perHead(weight)),
              )
            : normalisedWeights(x, weights, perHead, parameters);
      });
      const all = reshape(concat(parts, 3), [batch, heads, keys, valueDim]);
      return slice(all, 2, keys - shape.queries);
    }),
  /** About 9 operations a number (3 more and a scan of sums when causal), 6 for each Gaussian of the variant weights. */
  cost(shape, { variant, gaussians }) {
    const numbers = shape.batch * shape.heads * shape.keys * shape.valueDim;
    const passes = isCausalSelf(shape) ? 14 : variant === 'gate' ? 9 : 5 + 6 * gaussians;
    return {
      flops: numbers * passes,
      bytes: tensorBytes(shape) + 8 * numbers * passes,
      peakBytes: tensorBytes(shape) + 4 * numbers * (isCausalSelf(shape) ? 5 : 3),
    };
  },
  pattern: (shape, { chunks }) => ({
    dependsOnData: false,
    reads: isCausalSelf(shape)
      ? (_head, query, key) => key <= query + queryOffset(shape)
      : (_head, query, key) => {
          const ends = chunksOf(shape.keys, chunks);
          return ends.some(([start, end]) => start <= query && query < end && start <= key && key < end);
        },
  }),
  /**
   * Causal statistics are differences of running sums about the first value, which may lie V from the mean: with the variance
   * s of the values, mean square and squared mean exceed their difference by up to V^2 / s, and so does the relative rounding
   * error u sqrt(m) of a sum. The gate's slope is at most 1, its factor at most V.
   */
  tolerance({ value }, shape, { variant }, precision) {
    const unit = roundingUnit(precision);
    const most = largest(value);
    if (!isCausalSelf(shape) || variant !== 'gate') return most * Math.min(2, (Math.sqrt(shape.keys) + 32) * unit);
    const mean = value.data.reduce((sum, x) => sum + x, 0) / value.data.length;
    const spread = value.data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / value.data.length + rootEpsilon;
    return most * Math.min(2, (Math.sqrt(shape.keys) * (1 + most ** 2 / spread) + 32) * unit);
  },
  limits: [],
};

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
const gated = (x: Value, distance: Value, spread: Value, variance: Value): Value =>
  multiply(x, exponential(negate(divide(multiply(distance, distance), multiply(spread, multiply(variance, 2))))));

function normalisedWeights(
  x: Value,
  [offset, logSpread]: readonly Value[],
  perHead: (weight: Value, at: number) => Value,
  { gaussians, combine }: Parameters,
): Value {
  const length = Number(x.shape[3]);
  const centred = subtract(x, reduceMean(x, [3]));
  const variance = add(multiply(reduceSum(multiply(centred, centred), [3]), 1 / (length - 1)), epsilon);
  const root = squareRoot(variance);
  let combined: Value | undefined;
  for (let j = 0; j < gaussians; j++) {
    const own = perHead(logSpread!, j);
    const z = divide(divide(subtract(centred, perHead(offset!, j)), root), exponential(own));
    // log of exp(-z^2 / (2 c^2)) / sqrt(2 pi c^2)
    const logarithm = subtract(multiply(multiply(z, z), -0.5), add(own, 0.5 * Math.log(2 * Math.PI)));
    const term = combine === 'sum' ? exponential(logarithm) : logarithm;
    combined = combined ? add(combined, term) : term;
  }
  const weights = combine === 'sum' ? combined! : exponential(combined!);
  return multiply(x, divide(weights, maximum(reduceSum(weights, [3]), epsilon)));
}

/** Visits every row of the output [b, h, n, dv] with the row of the values that it gates; rows before the first key are left. */
function eachRow(
  shape: AttentionShape,
  visit: (to: number, from: number, b: number, h: number, position: number) => void,
): void {
  const { batch, heads, kvHeads, queries, keys, valueDim } = shape;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kvHead = b * kvHeads + Math.floor(h / (heads / kvHeads));
      for (let i = Math.max(0, queries - keys); i < queries; i++) {
        const position = i + queryOffset(shape);
        visit(((b * heads + h) * queries + i) * valueDim, (kvHead * keys + position) * valueDim, b, h, position);
      }
    }
  }
}

/** What multiplies the values, [b, h, n, dv]: the gate, or the weights. */
export function gaamGate({ value, weights }: AttentionInputs, shape: AttentionShape, parameters: Parameters): Tensor {
  const { heads, queries, keys, valueDim } = shape;
  const gate = zeros([shape.batch, heads, queries, valueDim]);
  const chunks = chunksOf(keys, parameters.chunks);
  const [offset, second] = [weights['offset']!.data, (weights['variance'] ?? weights['spread.log'])!.data];
  eachRow(shape, (to, from, _b, h, position) => {
    const [start, end] = isCausalSelf(shape)
      ? [0, position + 1]
      : chunks.find(([first, last]) => first <= position && position < last)!;
    for (let x = 0; x < valueDim; x++) {
      const column = Array.from(
        { length: end - start },
        (_, j) => value.data[from + (start + j - position) * valueDim + x]!,
      );
      const mean = column.reduce((sum, y) => sum + y, 0) / column.length;
      const own = value.data[from + x]!;
      if (parameters.variant === 'gate') {
        const squares = column.reduce((sum, y) => sum + (y - mean) ** 2, 0) / column.length;
        const z = (own - (mean + offset[h * valueDim + x]!)) / Math.sqrt(squares + epsilon + rootEpsilon);
        gate.data[to + x] = Math.exp(-(z ** 2) / (2 * second[h * valueDim + x]!));
      } else {
        const variance = column.reduce((sum, y) => sum + (y - mean) ** 2, 0) / (column.length - 1) + epsilon;
        const weigh = (y: number) => {
          const terms = Array.from({ length: parameters.gaussians }, (_, j) => {
            const c = Math.exp(second[h * parameters.gaussians + j]!);
            const z = (y - mean - offset[h * parameters.gaussians + j]!) / Math.sqrt(variance);
            return Math.exp(-(z ** 2) / (2 * c ** 2)) / Math.sqrt(2 * Math.PI * c ** 2);
          });
          return terms.reduce((all, term) => (parameters.combine === 'sum' ? all + term : all * term));
        };
        gate.data[to + x] =
          weigh(own) /
          Math.max(
            column.reduce((sum, y) => sum + weigh(y), 0),
            epsilon,
          );
      }
    }
  });
  return gate;
}
