/**
 * The heads of a layer as linear maps of the residual stream alone: what is fixed about the norms on the way is multiplied into
 * the weights (Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits", appendix on layer norm; TransformerLens
 * calls it folding). The scale that a norm divides by differs from token to token: it stays out, and biases with it.
 *
 * - norm in front: columns of query, key and value times its gain; of a LayerNorm the mean over them is taken out of each row
 * - norms over each head of query and key (Qwen 3, Gemma 3), or over all heads together (OLMo 2): rows times their gain; of a LayerNorm the
 *   mean of its rows is taken out before
 * - norm behind the output projection (Gemma 2 and 3): columns of what is written times its gain
 * - factor of the scores: on the query
 */
import type {
  BranchWeights,
  HeadMap,
  HeadNormWeights,
  LayerWeights,
  NormWeights,
  ScoreWeights,
} from '../../model-runner/weights';

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
  const { input } = attentionNorms;
  const scores = {
    ...{ query, key, scale },
    ...(input ? { input } : {}),
    ...(queryNorm ? { queryNorm: { ...queryNorm, size: headDim } } : {}),
    ...(keyNorm ? { keyNorm: { ...keyNorm, size: headDim } } : {}),
  };
  return { ...foldedScores(scores), value: read(value, input), written: written(output, attentionNorms) };
}

export const foldedScores = ({
  query,
  key,
  scale,
  queryNorm,
  keyNorm,
  input,
}: ScoreWeights): Pick<FoldedLayer, 'query' | 'key'> => ({
  query: read(headNormed(query, queryNorm), input, scale),
  key: read(headNormed(key, keyNorm), input),
});

function headNormed(map: HeadMap, norm: HeadNormWeights | undefined): HeadMap {
  if (!norm) return map;
  const { data, rows, columns } = map;
  const { kind, gain, size } = norm;
  const out = new Float32Array(data.length);
  for (let first = 0; first < rows; first += size) {
    for (let i = 0; i < columns; i++) {
      let mean = 0;
      if (kind === 'layer')
        for (let row = first; row < first + size; row++) mean += (data[row * columns + i] ?? 0) / size;
      for (let row = first; row < first + size; row++)
        out[row * columns + i] = ((data[row * columns + i] ?? 0) - mean) * (gain[row % gain.length] ?? 1);
    }
  }
  return { ...map, data: out };
}

function read({ data, rows, columns }: HeadMap, norm: NormWeights | undefined, factor = 1): Float32Array {
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    let mean = 0;
    for (let i = 0; i < columns; i++) {
      const value = factor * (data[start + i] ?? 0) * (norm?.gain[i] ?? 1);
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
