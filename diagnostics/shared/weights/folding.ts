/**
 * The heads of a layer as linear maps of the residual stream alone: what is fixed about the norms on the way is multiplied into
 * the weights (Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits", appendix on layer norm; TransformerLens
 * calls it folding). The scale that a norm divides by differs from token to token: it stays out, and biases with it.
 *
 * - norm in front: columns of query, key and value times its gain; of a LayerNorm the mean over them is taken out of each row
 * - norms over each head of query and key (Qwen 3, Gemma 3): rows times their gain
 * - norm behind the output projection (Gemma 2 and 3): columns of what is written times its gain
 * - factor of the scores: on the query
 */
import type { BranchWeights, HeadMap, LayerWeights, NormWeights } from '../../model-runner/weights';

/** Row by row. */
export interface FoldedLayer {
  /** [h d, w] */
  readonly query: Float32Array;
  /** [g d, w] */
  readonly key: Float32Array;
  readonly value: Float32Array;
  /** What each number of the heads' outputs writes, [h d, w]: the output projection, transposed. */
  readonly written: Float32Array;
}

export function foldedLayer(weights: LayerWeights, headDim: number): FoldedLayer {
  const { query, key, value, output, scale, queryNorm, keyNorm, attentionNorms } = weights;
  const folded = (map: HeadMap, headNorm?: NormWeights, factor = 1): Float32Array =>
    read(map, attentionNorms.input, headNorm, headDim, factor);
  return {
    query: folded(query, queryNorm, scale),
    key: folded(key, keyNorm),
    value: folded(value),
    written: written(output, attentionNorms),
  };
}

function read(
  { data, rows, columns }: HeadMap,
  norm: NormWeights | undefined,
  headNorm: NormWeights | undefined,
  headDim: number,
  factor: number,
): Float32Array {
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const own = factor * (headNorm?.gain[row % headDim] ?? 1);
    const start = row * columns;
    let mean = 0;
    for (let i = 0; i < columns; i++) {
      const value = own * (data[start + i] ?? 0) * (norm?.gain[i] ?? 1);
      out[start + i] = value;
      mean += value / columns;
    }
    if (norm?.kind !== 'layer') continue;
    for (let i = 0; i < columns; i++) out[start + i] = (out[start + i] ?? 0) - mean;
  }
  return out;
}

function written({ data, rows, columns }: HeadMap, { output, gain }: BranchWeights): Float32Array {
  const out = new Float32Array(data.length);
  for (let column = 0; column < columns; column++) {
    let mean = 0;
    if (output?.kind === 'layer') for (let i = 0; i < rows; i++) mean += (data[i * columns + column] ?? 0) / rows;
    for (let i = 0; i < rows; i++) {
      const value = (data[i * columns + column] ?? 0) - mean;
      out[column * rows + i] = value * (output?.gain[i] ?? 1) * (gain?.[i] ?? 1);
    }
  }
  return out;
}
