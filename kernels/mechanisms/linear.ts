import { linearCost } from '../cost/linear';
import { attentionGraph, groupQueries } from '../graph/attention-graph';
import { add, divide, elu, multiply } from '../graph/operators/elementwise';
import { concat, filled, pad, reshape, slice, unsqueeze } from '../graph/operators/layout';
import { fusedMatmul, matmul } from '../graph/operators/matrix';
import { cumulativeSum } from '../graph/operators/reduce';
import type { Value } from '../graph/records';
import type { AttentionInputs, Mechanism } from '../mechanism';
import { denseReads } from '../reference/pattern';
import { isCausalSelf, queryOffset, type AttentionShape } from '../shape';
import { zeros, type Tensor } from '../tensors/tensor';

interface Parameters extends Record<string, number> {
  readonly chunk: number;
}

/** Added to the denominators, as in the authors' code: rows that read nothing give zeros instead of 0 / 0. */
const epsilon = 1e-6;

export const linear: Mechanism<Parameters> = {
  id: 'linear',
  title: 'Linear (elu + 1)',
  family: 'linear',
  summary:
    'Replaces exp(q . k) by phi(q) . phi(k) with phi(x) = elu(x) + 1, so that keys and values are summed into one d by e matrix: time and memory grow with n. Causal attention carries that matrix from chunk to chunk.',
  source: {
    reference: 'arXiv:2006.16236, equations 4 to 7 and 12',
    trust: 'high',
    note: 'Queries are not scaled and 1e-6 is added to each denominator, both as in the authors’ code (idiap/fast-transformers).',
  },
  parameters: {
    chunk: {
      kind: 'integer',
      title: 'Chunk',
      description: 'Causal only: positions that are multiplied directly before the running sums take over.',
      min: 1,
      max: 4096,
      default: 64,
    },
  },
  layout: 'heads-first',
  exponent: 1,
  supports: () => ({ ok: true }),
  reference,
  build: (full, parameters, precision) =>
    attentionGraph('linear', full, precision, 'heads-first', ({ query, key, value }, shape) => {
      const phi = (x: Value) => add(elu(x), 1);
      const queries = phi(groupQueries(query, shape)); // [b, hkv, g, n, d]
      const keys = phi(unsqueeze(key, 2)); // [b, hkv, 1, m, d]
      // A column of ones gathers the denominators in the same products.
      const ones = filled(value, [shape.batch, shape.kvHeads, 1, shape.keys, 1], 1);
      const values = concat([unsqueeze(value, 2), ones], 4); // [b, hkv, 1, m, e + 1]
      const sums = isCausalSelf(shape)
        ? causalSums(queries, keys, values, shape, parameters.chunk)
        : matmul(queries, fusedMatmul(keys, values, { transposeA: true }, 'state'));
      // Reshaped before the division: onnxruntime copies what a Reshape at the end of a graph gives.
      const rows = reshape(sums, [shape.batch, shape.heads, shape.queries, shape.valueDim + 1]);
      return divide(slice(rows, 3, 0, shape.valueDim), add(slice(rows, 3, shape.valueDim), epsilon));
    }),
  cost: (shape, { chunk }) => linearCost(shape, chunk),
  pattern: (shape, { chunk }) => ({
    dependsOnData: false,
    reads: denseReads(shape),
    ...(isCausalSelf(shape) ? { block: { queries: chunk, keys: chunk } } : {}),
  }),
  limits: [],
};

/**
 * Numerators and denominators [b, hkv, g, n, e + 1] of features as wide as `shape.headDim`: products inside each chunk plus the
 * sums of all keys before it.
 */
export function causalSums(queries: Value, keys: Value, values: Value, shape: AttentionShape, chunk: number): Value {
  const { batch, kvHeads, headDim } = shape;
  const group = shape.heads / kvHeads;
  const width = shape.valueDim + 1;
  const offset = queryOffset(shape);
  const size = Math.min(chunk, shape.queries);
  const chunks = Math.ceil(shape.queries / size);
  const cut = (x: Value, groups: number, from: number, columns: number): Value =>
    reshape(pad(slice(x, 3, from), 3, 0, chunks * size - shape.queries), [
      batch,
      kvHeads,
      groups,
      chunks,
      size,
      columns,
    ]);
  const q = cut(queries, group, 0, headDim);
  const k = cut(keys, 1, offset, headDim);
  const v = cut(values, 1, offset, width);
  const lower = q.graph.constant(
    q.type,
    [size, size],
    Float32Array.from({ length: size * size }, (_, x) => (x % size <= Math.floor(x / size) ? 1 : 0)),
  );
  const inside = matmul(multiply(fusedMatmul(q, k, { transposeB: true }), lower), v);
  let states = cumulativeSum(fusedMatmul(k, v, { transposeA: true }), 3, { exclusive: true }, 'states');
  if (offset > 0) {
    const cache = fusedMatmul(slice(keys, 3, 0, offset), slice(values, 3, 0, offset), { transposeA: true });
    states = add(states, unsqueeze(cache, 3));
  }
  const sums = reshape(add(inside, matmul(q, states)), [batch, kvHeads, group, chunks * size, width]);
  return slice(sums, 3, 0, shape.queries);
}

/**
 * o_i = sum_j phi(q_i) . phi(k_j) v_j / (sum_j phi(q_i) . phi(k_j) + 1e-6) over the keys that query i may read, by the
 * running sums S = sum phi(k_j) v_j^T and z = sum phi(k_j).
 */
function reference({ query, key, value }: AttentionInputs, shape: AttentionShape): Tensor {
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const phi = (x: number) => (x > 0 ? x + 1 : Math.exp(x));
  const output = zeros([batch, heads, queries, valueDim]);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kvHead = b * kvHeads + Math.floor(h / (heads / kvHeads));
      const state = new Float64Array(headDim * valueDim);
      const normaliser = new Float64Array(headDim);
      let read = 0;
      for (let i = 0; i < queries; i++) {
        const reach = isCausalSelf(shape) ? Math.max(0, i + queryOffset(shape) + 1) : keys;
        for (; read < reach; read++) {
          for (let x = 0; x < headDim; x++) {
            const feature = phi(key.data[(kvHead * keys + read) * headDim + x]!);
            normaliser[x]! += feature;
            for (let y = 0; y < valueDim; y++) {
              state[x * valueDim + y]! += feature * value.data[(kvHead * keys + read) * valueDim + y]!;
            }
          }
        }
        if (reach === 0) continue;
        const row = (b * heads + h) * queries + i;
        let total = epsilon;
        for (let x = 0; x < headDim; x++) {
          const feature = phi(query.data[row * headDim + x]!);
          total += feature * normaliser[x]!;
          for (let y = 0; y < valueDim; y++) output.data[row * valueDim + y]! += feature * state[x * valueDim + y]!;
        }
        for (let y = 0; y < valueDim; y++) output.data[row * valueDim + y]! /= total;
      }
    }
  }
  return output;
}
