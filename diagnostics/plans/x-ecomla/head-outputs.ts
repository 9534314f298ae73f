/**
 * What the heads of a layer put out with latent attention, for the stream that enters the layer: explicit form, so that the numbers
 * fit into a run of the source model (its `head` replacements). Products run in the runtime, the softmax here.
 */
import type { NormWeights, LayerRotation, ModelWeights } from '../../model-runner/weights';
import type { LatentWeights } from './initialisation';

export interface LatentLayer {
  readonly heads: number;
  readonly headDim: number;
  readonly rank: number;
  /** d_r */
  readonly rotary: number;
  readonly queryRank?: number;
  /** How the rotated numbers pair. */
  readonly layout: 'half' | 'interleaved';
  readonly weights: LatentWeights;
}

/** cos and sin [rows, d_r / 2]. */
export type Turns = Pick<LayerRotation, 'cos' | 'sin'>;

/**
 * Every (d / d_r)-th of the d / 2 pairs in the tables of the source model. These are the frequencies that d_r numbers
 * have of their own, theta^(-2 j / d_r), for plain, linear and Llama 3 rotation, which treat each frequency for itself.
 */
export function turnsOf(source: LayerRotation, rotary: number): Turns {
  const [from, to] = [source.dimensions / 2, rotary / 2];
  const taken = (table: Float32Array): Float32Array =>
    Float32Array.from({ length: (table.length / from) * to }, (_, at) => {
      const [row, pair] = [Math.floor(at / to), at % to];
      return table[row * from + pair * (from / to)] ?? 0;
    });
  return { cos: taken(source.cos), sin: taken(source.sin) };
}

/** x [n, w] as an RMS norm gives it. */
export function normed({ gain, epsilon }: NormWeights, x: Float32Array): Float32Array {
  const width = gain.length;
  const out = new Float32Array(x.length);
  for (let at = 0; at < x.length; at += width) {
    let squares = 0;
    for (let i = 0; i < width; i++) squares += (x[at + i] ?? 0) ** 2;
    const scale = 1 / Math.sqrt(squares / width + epsilon);
    for (let i = 0; i < width; i++) out[at + i] = (x[at + i] ?? 0) * scale * (gain[i] ?? 0);
  }
  return out;
}

/** Outputs [n, h d] before the output projection, for x [n, w] after the norm. */
export async function latentOutputs(
  runtime: Pick<ModelWeights, 'product'>,
  layer: LatentLayer,
  turns: Turns,
  x: Float32Array,
  width: number,
): Promise<Float32Array> {
  const { heads, headDim, rank, rotary, queryRank, weights } = layer;
  const plain = headDim - rotary;
  const n = x.length / width;
  const float32 = (data: Float64Array): Float32Array => Float32Array.from(data);
  const narrow = weights.queryDown ? await runtime.product(x, float32(weights.queryDown), width) : x;
  const queries = await runtime.product(narrow, float32(weights.query), queryRank ?? width);
  const down = await runtime.product(x, float32(weights.down), width);
  const latent = new Float32Array(n * rank);
  for (let row = 0; row < n; row++) {
    latent.set(down.subarray(row * (rank + rotary), row * (rank + rotary) + rank), row * rank);
    turn(layer, turns, down, row * (rank + rotary) + rank, row);
    for (let head = 0; head < heads; head++) turn(layer, turns, queries, (row * heads + head) * headDim + plain, row);
  }
  const both = plain + headDim;
  const rebuilt = await runtime.product(latent, float32(weights.up), rank);
  const out = new Float32Array(n * heads * headDim);
  const scores = new Float64Array(n);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < n; i++) {
      const query = (i * heads + head) * headDim;
      let largest = -Infinity;
      for (let j = 0; j <= i; j++) {
        const key = (j * heads + head) * both;
        const shared = j * (rank + rotary) + rank;
        let score = 0;
        for (let c = 0; c < plain; c++) score += (queries[query + c] ?? 0) * (rebuilt[key + c] ?? 0);
        for (let c = 0; c < rotary; c++) score += (queries[query + plain + c] ?? 0) * (down[shared + c] ?? 0);
        scores[j] = score / Math.sqrt(headDim);
        largest = Math.max(largest, scores[j] ?? 0);
      }
      let total = 0;
      for (let j = 0; j <= i; j++) total += scores[j] = Math.exp((scores[j] ?? 0) - largest);
      for (let j = 0; j <= i; j++) {
        const weight = (scores[j] ?? 0) / total;
        const value = (j * heads + head) * both + plain;
        for (let c = 0; c < headDim; c++) out[query + c] = (out[query + c] ?? 0) + weight * (rebuilt[value + c] ?? 0);
      }
    }
  }
  return out;
}

/** d_r numbers from `at` on, in place. */
function turn({ rotary, layout }: LatentLayer, { cos, sin }: Turns, data: Float32Array, at: number, row: number): void {
  const half = rotary / 2;
  for (let j = 0; j < half; j++) {
    const [a, b] = layout === 'half' ? [at + j, at + j + half] : [at + 2 * j, at + 2 * j + 1];
    const [x, y] = [data[a] ?? 0, data[b] ?? 0];
    const [c, s] = [cos[row * half + j] ?? 0, sin[row * half + j] ?? 0];
    data[a] = x * c - y * s;
    data[b] = y * c + x * s;
  }
}
