/** Gaussian adaptive attention in float64, straight from the authors' code. */
import type { Weight } from '../../mechanism';
import { isCausalSelf, queryOffset, type AttentionShape } from '../../shape';
import { zeros, type Tensor } from '../../tensors/tensor';
import type { AttentionInputs } from '../../tensors/tensor';

export interface GaamParameters extends Record<string, number | string> {
  readonly variant: 'gate' | 'weights';
  readonly chunks: number;
  readonly gaussians: number;
  readonly combine: 'product' | 'sum';
}

/** Added to the variance, and below the root besides (variant `gate`: two of them in the authors' code). */
export const epsilon = 1e-8;
export const rootEpsilon = 1e-5;

/** Positions [start, end) of each chunk: n / H each, the last one takes what is left. */
export function chunksOf(length: number, chunks: number): readonly (readonly [start: number, end: number])[] {
  const size = Math.floor(length / chunks);
  return Array.from({ length: chunks }, (_, i) => [i * size, i === chunks - 1 ? length : (i + 1) * size] as const);
}

/**
 * Offset and variance of the gate, or offsets and logarithms of the spreads of the Gaussians. Each chunk has its own, since in
 * the authors' code a chunk is a head of a ModuleList.
 */
export const weightsOf = (
  { heads, valueDim }: AttentionShape,
  { variant, chunks, gaussians }: GaamParameters,
): readonly Weight[] =>
  variant === 'gate'
    ? [
        { name: 'offset', shape: [heads, chunks, valueDim], initial: { kind: 'constant', value: 0 } },
        { name: 'variance', shape: [heads, chunks, valueDim], initial: { kind: 'constant', value: 2 } },
      ]
    : [
        { name: 'offset', shape: [heads, chunks, gaussians], initial: { kind: 'constant', value: 0 } },
        { name: 'spread.log', shape: [heads, chunks, gaussians], initial: { kind: 'normal', deviation: 1 } },
      ];

/** The values times their gates, [b, h, n, dv]. */
export function gaamReference(inputs: AttentionInputs, shape: AttentionShape, parameters: GaamParameters): Tensor {
  const { data } = gaamGate(inputs, shape, parameters);
  const output = zeros([shape.batch, shape.heads, shape.queries, shape.valueDim]);
  eachRow(shape, (to, from) => {
    for (let x = 0; x < shape.valueDim; x++) output.data[to + x] = inputs.value.data[from + x]! * data[to + x]!;
  });
  return output;
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
export function gaamGate(
  { value, weights }: AttentionInputs,
  shape: AttentionShape,
  parameters: GaamParameters,
): Tensor {
  const { heads, queries, keys, valueDim } = shape;
  const gate = zeros([shape.batch, heads, queries, valueDim]);
  const chunks = chunksOf(keys, parameters.chunks);
  const [offset, second] = [weights['offset']!.data, (weights['variance'] ?? weights['spread.log'])!.data];
  eachRow(shape, (to, from, _b, h, position) => {
    const chunk = chunks.findIndex(([first, last]) => first <= position && position < last);
    const [start, end] = isCausalSelf(shape) ? [0, position + 1] : chunks[chunk]!;
    const own = h * chunks.length + chunk;
    for (let x = 0; x < valueDim; x++) {
      const column = new Float64Array(end - start);
      for (let j = start; j < end; j++) column[j - start] = value.data[from + (j - position) * valueDim + x]!;
      const mean = column.reduce((sum, each) => sum + each, 0) / column.length;
      const y = value.data[from + x]!;
      if (parameters.variant === 'gate') {
        const squares = column.reduce((sum, each) => sum + (each - mean) ** 2, 0) / column.length;
        const z = (y - (mean + offset[own * valueDim + x]!)) / Math.sqrt(squares + epsilon + rootEpsilon);
        gate.data[to + x] = Math.exp(-(z ** 2) / (2 * second[own * valueDim + x]!));
      } else {
        const variance = column.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (column.length - 1) + epsilon;
        const weigh = (each: number) => {
          const terms = Array.from({ length: parameters.gaussians }, (_, j) => {
            const c = Math.exp(second[own * parameters.gaussians + j]!);
            const z = (each - mean - offset[own * parameters.gaussians + j]!) / Math.sqrt(variance);
            return Math.exp(-(z ** 2) / (2 * c ** 2)) / Math.sqrt(2 * Math.PI * c ** 2);
          });
          return terms.reduce((all, term) => (parameters.combine === 'sum' ? all + term : all * term));
        };
        gate.data[to + x] =
          weigh(y) /
          Math.max(
            column.reduce((sum, each) => sum + weigh(each), 0),
            epsilon,
          );
      }
    }
  });
  return gate;
}
