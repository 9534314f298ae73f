/** Keys and values of multi-head latent attention in float64 (arXiv:2503.11132; the form of DeepSeek-V2, arXiv:2405.04434). */
import type { Weight } from '../../mechanism';
import { queryOffset, type AttentionShape } from '../../shape';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import type { AttentionInputs } from '../../tensors/tensor';

export interface LatentParameters extends Record<string, number | string> {
  readonly rank: number;
  readonly rotary: number;
  readonly form: 'explicit' | 'absorbed';
}

const base = 10000;

/** Radians by which pair i of the d_r rotary numbers turns per position: 10000^(-2 i / d_r). */
export const rotaryAngles = (width: number): readonly number[] =>
  Array.from({ length: width / 2 }, (_, i) => base ** ((-2 * i) / width));

/** Numbers that one position keeps for all heads: r + d_r. */
export const cachedWidth = ({ rank, rotary }: Pick<LatentParameters, 'rank' | 'rotary'>): number => rank + rotary;

/** Cache of latents over the cache of keys and values that it replaces: (r + d_r) / (hkv (d + dv)). */
export const cacheShare = (
  shape: Pick<AttentionShape, 'kvHeads' | 'headDim' | 'valueDim'>,
  parameters: Pick<LatentParameters, 'rank' | 'rotary'>,
): number => cachedWidth(parameters) / (shape.kvHeads * (shape.headDim + shape.valueDim));

/**
 * A_kv, in two parts, reads the joined key and value heads of a position in place of the layer's input; B_k and B_v make the
 * keys (without rotation) and values of each head from the latent.
 */
export function latentWeights(shape: AttentionShape, { rank, rotary }: LatentParameters): readonly Weight[] {
  const { heads, kvHeads, headDim, valueDim } = shape;
  const normal = (inputs: number) => ({ kind: 'normal', deviation: inputs ** -0.5 }) as const;
  const joined = kvHeads * (headDim + valueDim);
  const weights: Weight[] = [
    { name: 'latent.down', shape: [joined, rank], initial: normal(joined) },
    { name: 'latent.keys', shape: [heads, rank, headDim - rotary], initial: normal(rank) },
    { name: 'latent.values', shape: [heads, rank, valueDim], initial: normal(rank) },
  ];
  const turned: Weight = {
    name: 'latent.rotary',
    shape: [kvHeads * headDim, rotary],
    initial: normal(kvHeads * headDim),
  };
  return rotary > 0 ? [...weights, turned] : weights;
}

/** The cache: [c; k_r] of every key position, k_r turned to its position: [b, m, r + d_r]. */
export function latents(inputs: AttentionInputs, shape: AttentionShape, parameters: LatentParameters): Tensor {
  const { batch, kvHeads, keys, headDim, valueDim } = shape;
  const { rank, rotary } = parameters;
  const width = rank + rotary;
  const output = zeros([batch, keys, width]);
  const down = inputs.weights['latent.down']!.data;
  const angles = rotaryAngles(rotary);
  for (let b = 0; b < batch; b++) {
    for (let j = 0; j < keys; j++) {
      const to = (b * keys + j) * width;
      const add = (
        source: Tensor,
        size: number,
        firstRow: number,
        matrix: Float64Array,
        columns: number,
        at: number,
      ) => {
        for (let h = 0; h < kvHeads; h++) {
          for (let x = 0; x < size; x++) {
            const number = source.data[((b * kvHeads + h) * keys + j) * size + x]!;
            const row = (firstRow + h * size + x) * columns;
            for (let y = 0; y < columns; y++) output.data[at + y]! += number * matrix[row + y]!;
          }
        }
      };
      add(inputs.key, headDim, 0, down, rank, to);
      add(inputs.value, valueDim, kvHeads * headDim, down, rank, to);
      if (rotary === 0) continue;
      add(inputs.key, headDim, 0, inputs.weights['latent.rotary']!.data, rotary, to + rank);
      turn(output.data, to + rank, angles, j);
    }
  }
  return output;
}

function turn(data: Float64Array, at: number, angles: readonly number[], position: number): void {
  angles.forEach((angle, i) => {
    const [x, y] = [data[at + 2 * i]!, data[at + 2 * i + 1]!];
    const [cosine, sine] = [Math.cos(angle * position), Math.sin(angle * position)];
    data[at + 2 * i] = x * cosine - y * sine;
    data[at + 2 * i + 1] = x * sine + y * cosine;
  });
}

/** Queries with their last d_r numbers turned, keys [B_k c; k_r] and values B_v c of every query head. */
export function explicitInputs(
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: LatentParameters,
): AttentionInputs {
  const { batch, heads, queries, keys, headDim, valueDim } = shape;
  const { rank, rotary } = parameters;
  const plain = headDim - rotary;
  const cache = latents(inputs, shape, parameters);
  const key = zeros([batch, heads, keys, headDim]);
  const value = zeros([batch, heads, keys, valueDim]);
  const [up, out] = [inputs.weights['latent.keys']!.data, inputs.weights['latent.values']!.data];
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let j = 0; j < keys; j++) {
        const from = (b * keys + j) * (rank + rotary);
        const row = (b * heads + h) * keys + j;
        for (let r = 0; r < rank; r++) {
          const c = cache.data[from + r]!;
          for (let x = 0; x < plain; x++) key.data[row * headDim + x]! += c * up[(h * rank + r) * plain + x]!;
          for (let x = 0; x < valueDim; x++) value.data[row * valueDim + x]! += c * out[(h * rank + r) * valueDim + x]!;
        }
        for (let x = 0; x < rotary; x++) key.data[row * headDim + plain + x] = cache.data[from + rank + x]!;
      }
    }
  }
  const query = tensor(inputs.query.shape, inputs.query.data.slice());
  const angles = rotaryAngles(rotary);
  for (let row = 0; row < batch * heads * queries; row++) {
    turn(query.data, row * headDim + plain, angles, (row % queries) + queryOffset(shape));
  }
  return { query, key, value, weights: {} };
}
