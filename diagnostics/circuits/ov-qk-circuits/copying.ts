/**
 * Does a head copy? The full OV circuit W_U W_O W_V W_E [v, v] says how a token that is read changes the logits of all tokens;
 * positive eigenvalues mean that tokens raise themselves (Elhage et al. 2021). Its eigenvalues other than 0 are those of
 * W_V C W_O [d, d] with C = sum over tokens of e u^T [w, w], e their embeddings and u their directions in the last stream.
 */
import type { ModelRunner } from '../../model-runner/model-runner';
import { sharedOf } from '../../shared/weights/head-of';
import type { LayerFactors } from './layer-factors';
import { positiveShare } from '../../shared/weights/spectra';

/** Tokens at a time. */
const together = 2048;

/** C^T [w, w]; undefined where the model has no tokens that its streams could be read as. */
export async function wordsMap({ facts, weights }: ModelRunner): Promise<Float32Array | undefined> {
  const { tokens } = weights;
  if (!tokens) return undefined;
  const { hiddenSize: width } = facts;
  const { vocabulary } = facts.summary;
  const sum = new Float32Array(width * width);
  for (let first = 0; first < vocabulary; first += together) {
    const count = Math.min(together, vocabulary - first);
    const [read, written] = [await tokens.embedding(first, count), await tokens.unembedding(first, count)];
    const part = await weights.product(transposed(written, count), transposed(read, count), count);
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (part[i] ?? 0);
  }
  return sum;
}

/** By head. */
export async function copyingOf(
  { weights }: ModelRunner,
  { heads, headDim: d, value, written }: LayerFactors,
  words: Float32Array,
  kvHeads: number,
): Promise<readonly number[]> {
  const width = written.length / (heads * d);
  const product = await weights.product(await weights.product(value, words, width), written, width);
  const columns = heads * d;
  return Array.from({ length: heads }, (_, head) => {
    const from = sharedOf({ heads, kvHeads }, head) * d;
    const own = new Float32Array(d * d);
    for (let row = 0; row < d; row++) {
      own.set(product.subarray((from + row) * columns + head * d, (from + row) * columns + (head + 1) * d), row * d);
    }
    return positiveShare(own, d);
  });
}

/** [rows, columns] as [columns, rows]. */
function transposed(data: Float32Array, rows: number): Float32Array {
  const columns = data.length / rows;
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) out[column * rows + row] = data[row * columns + column] ?? 0;
  }
  return out;
}
