/** WERSA in float64: random features of filtered queries and keys, running sums, a norm of each head's output. */
import { isCausalSelf, queryOffset, type AttentionShape } from '../../shape';
import { normalTensor, seedFor } from '../../tensors/random';
import { zeros, type Tensor } from '../../tensors/tensor';
import { filtered, type WersaParameters } from './filter';
import { mean } from '../../tensors/vectors';
import type { AttentionInputs } from '../../tensors/tensor';

/** Added to the denominators, and to the variance of the norm. */
export const denominatorEpsilon = 1e-6;
export const normEpsilon = 1e-5;

/** R [d, r] of queries or keys, entries N(0, 1 / d), drawn from the seed and never learned. */
export const projection = (
  of: 'query' | 'key',
  headDim: number,
  { features, seed, sharedProjection }: Pick<WersaParameters, 'features' | 'seed' | 'sharedProjection'>,
): Tensor =>
  normalTensor([headDim, features], seedFor(seed, `projection.${sharedProjection ? 'key' : of}`), headDim ** -0.5);

/** beta = log(1 + exp(log beta)) + 0.1. */
const bandwidth = ({ weights }: Pick<AttentionInputs, 'weights'>): number =>
  Math.log1p(Math.exp(weights['bandwidth']!.data[0]!)) + 0.1;

/** phi(x) = relu(R^T x / beta) / sqrt r of every row, [..., r]. */
export function randomFeatures(x: Tensor, matrix: Tensor, beta: number): Tensor {
  const [width, count] = matrix.shape as readonly [number, number];
  const rows = x.data.length / width;
  const output = zeros([...x.shape.slice(0, -1), count]);
  for (let row = 0; row < rows; row++) {
    for (let f = 0; f < count; f++) {
      let sum = 0;
      for (let c = 0; c < width; c++) sum += x.data[row * width + c]! * matrix.data[c * count + f]!;
      output.data[row * count + f] = sum < 0 ? 0 : sum / beta / Math.sqrt(count);
    }
  }
  return output;
}

/** The queries that read something: the first n - m of causal-self with more queries than keys read nothing. */
function seeingQueries(inputs: AttentionInputs, shape: AttentionShape): readonly [AttentionInputs, AttentionShape] {
  const blind = isCausalSelf(shape) ? Math.max(0, shape.queries - shape.keys) : 0;
  if (blind === 0) return [inputs, shape];
  const { batch, heads, queries, headDim } = shape;
  const kept = zeros([batch, heads, queries - blind, headDim]);
  for (let h = 0; h < batch * heads; h++) {
    kept.data.set(
      inputs.query.data.subarray((h * queries + blind) * headDim, (h + 1) * queries * headDim),
      h * (queries - blind) * headDim,
    );
  }
  return [
    { ...inputs, query: kept },
    { ...shape, queries: queries - blind },
  ];
}

export function featuresOf(inputs: AttentionInputs, shape: AttentionShape, parameters: WersaParameters) {
  const { query, key } = filtered(inputs, shape, parameters);
  const beta = bandwidth(inputs);
  return {
    query: randomFeatures(query, projection('query', shape.headDim, parameters), beta),
    key: randomFeatures(key, projection('key', shape.headDim, parameters), beta),
  };
}

/** S [r * dv] and z [r] over the `read` keys before and at a query. */
export interface RunningSums {
  readonly state: Float64Array;
  readonly normaliser: Float64Array;
  readonly read: number;
}

/**
 * o_i = S_i^T phi(q_i) / (phi(q_i) . z_i + 1e-6) by the running sums S = sum phi(k_j) v_j^T and z = sum phi(k_j) over the keys
 * that query i may read, [b, h, n, dv]; `visit` sees each row's sums, denominator and output.
 */
export function featureAttention(
  features: { readonly query: Tensor; readonly key: Tensor },
  value: Tensor,
  shape: AttentionShape,
  epsilon = denominatorEpsilon,
  visit?: (row: number, sums: RunningSums, denominator: number, output: Float64Array) => void,
): Tensor {
  const { batch, heads, kvHeads, queries, keys, valueDim } = shape;
  const count = features.query.shape.at(-1)!;
  const output = zeros([batch, heads, queries, valueDim]);
  for (let head = 0; head < batch * heads; head++) {
    const kvHead = Math.floor(head / (heads / kvHeads));
    const state = new Float64Array(count * valueDim);
    const normaliser = new Float64Array(count);
    let read = 0;
    for (let i = 0; i < queries; i++) {
      const reach = isCausalSelf(shape) ? i + queryOffset(shape) + 1 : keys;
      for (; read < reach; read++) {
        for (let f = 0; f < count; f++) {
          const feature = features.key.data[(kvHead * keys + read) * count + f]!;
          normaliser[f]! += feature;
          for (let y = 0; y < valueDim; y++) {
            state[f * valueDim + y]! += feature * value.data[(kvHead * keys + read) * valueDim + y]!;
          }
        }
      }
      const row = head * queries + i;
      let total = epsilon;
      for (let f = 0; f < count; f++) {
        const feature = features.query.data[row * count + f]!;
        total += feature * normaliser[f]!;
        for (let y = 0; y < valueDim; y++) output.data[row * valueDim + y]! += feature * state[f * valueDim + y]!;
      }
      for (let y = 0; y < valueDim; y++) output.data[row * valueDim + y]! /= total;
      visit?.(row, { state, normaliser, read }, total, output.data.subarray(row * valueDim, (row + 1) * valueDim));
    }
  }
  return output;
}

const varianceOf = (row: Float64Array): number => {
  const centre = mean(row);
  return row.reduce((sum, x) => sum + (x - centre) ** 2, 0) / row.length;
};

/** LN over the width of a head, with one gain and one offset for all heads. */
export function headNorm(x: Tensor, { weights }: Pick<AttentionInputs, 'weights'>): Tensor {
  const width = x.shape.at(-1)!;
  const [gain, offset] = [weights['norm.gain']!.data, weights['norm.offset']!.data];
  const output = zeros(x.shape);
  for (let from = 0; from < x.data.length; from += width) {
    const row = x.data.subarray(from, from + width);
    const [centre, root] = [mean(row), Math.sqrt(varianceOf(row) + normEpsilon)];
    for (let y = 0; y < width; y++) output.data[from + y] = ((row[y]! - centre) / root) * gain[y]! + offset[y]!;
  }
  return output;
}

export function wersaReference(all: AttentionInputs, full: AttentionShape, parameters: WersaParameters): Tensor {
  const [inputs, shape] = seeingQueries(all, full);
  const rows = headNorm(featureAttention(featuresOf(inputs, shape, parameters), inputs.value, shape), inputs);
  if (shape === full) return rows;
  const output = zeros([full.batch, full.heads, full.queries, full.valueDim]);
  const [size, whole] = [shape.queries * full.valueDim, full.queries * full.valueDim];
  for (let h = 0; h < full.batch * full.heads; h++) {
    output.data.set(rows.data.subarray(h * size, (h + 1) * size), (h + 1) * whole - size);
  }
  return output;
}
