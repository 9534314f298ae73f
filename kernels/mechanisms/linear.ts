import { linearCost } from '../cost/linear';
import { attentionGraph, groupQueries, stepInputs } from '../graph/attention-graph';
import { GraphBuilder } from '../graph/builder';
import { add, divide, elu, multiply } from '../graph/operators/elementwise';
import { concat, filled, pad, reshape, slice, unsqueeze } from '../graph/operators/layout';
import { fusedMatmul, matmul } from '../graph/operators/matrix';
import { cumulativeSum } from '../graph/operators/reduce';
import type { Value } from '../graph/records';
import type { Mechanism } from '../mechanism';
import { integers } from '../integers';
import { headRows, kernelSystem } from '../reference/linear-system';
import { denseReads } from '../reference/pattern';
import { isCausalSelf, queryOffset, type AttentionShape } from '../shape';
import { tensor, zeros, type Tensor } from '../tensors/tensor';
import * as field from '../parameters';
import type { AttentionInputs } from '../tensors/tensor';

interface Parameters extends Record<string, number> {
  readonly chunk: number;
}

/** Added to the denominators, as in the authors' code: rows that read nothing give zeros instead of 0 / 0. */
const epsilon = 1e-6;

/** The smallest float16 above 0. */
const smallestHalf = 2 ** -24;

/** In float16: denominators of this size by normal inputs, a twelfth of the largest number. */
const halfDenominator = 4096;

/**
 * What numerators and denominators are multiplied by, which their quotient does not change: 1 in float32. phi(q) . phi(k) is
 * about 1.35 d for normal inputs, and the sum over all keys leaves float16 from 750 keys of 64 features on. A power of two, so
 * that it rounds nothing.
 */
const scaleOf = ({ type }: Value, { keys, headDim }: AttentionShape): number =>
  type === 'float16' ? Math.min(1, 2 ** Math.floor(Math.log2(halfDenominator / (keys * headDim)))) : 1;

export const linear: Mechanism<Parameters> = {
  id: 'linear',
  title: 'Linear (elu + 1)',
  family: 'linear',
  summary:
    'Replaces exp(q . k) by phi(q) . phi(k) with phi(x) = elu(x) + 1, so that keys and values are summed into one d by e matrix: time and memory grow with n. Causal attention carries that matrix from chunk to chunk.',
  source: {
    reference: 'arXiv:2006.16236, equations 4 to 7 and 12',
    trust: 'high',
    note: 'Queries are not scaled and 1e-6 is added to each denominator, both as in the authors’ code (idiap/fast-transformers). In float16 sums are divided by a power of two that keeps them in its range; what a decoder carries is not, and ends at about 50,000 positions.',
  },
  template: {
    projected: 'φ(x) = elu(x) + 1 of queries and keys',
    scores: 'φ(q)·φ(k)',
    positions: { words: 'all that came before', chosen: 'beforehand' },
    normaliser: { words: 'sum of the scores', averagesValues: true },
    aggregation: 'running sum of φ(k) vᵀ, read by φ(q)',
    mixing: 'data-dependent',
    matrix: 'low rank',
    state: { words: 'one d x e matrix of sums and one vector of d', grows: false },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'one matrix and one vector of sums from part to part',
    },
  },
  parameters: {
    chunk: field.integer(
      'Chunk',
      'Causal only: positions that are multiplied directly before the running sums take over.',
      { min: 1, max: 4096, default: 64 },
    ),
  },
  layout: 'heads-first',
  exponent: 1,
  supports: () => ({ ok: true }),
  reference,
  build: (full, parameters, precision) =>
    attentionGraph('linear', full, precision, 'heads-first', ({ query, key, value }, shape) => {
      const queries = phi(groupQueries(query, shape)); // [b, hkv, g, n, d]
      const keys = phi(unsqueeze(key, 2)); // [b, hkv, 1, m, d]
      // A column of ones gathers the denominators in the same products.
      const ones = filled(value, [shape.batch, shape.kvHeads, 1, shape.keys, 1], 1);
      const values = concat([unsqueeze(value, 2), ones], 4); // [b, hkv, 1, m, e + 1]
      const scale = scaleOf(query, shape);
      const sums = isCausalSelf(shape)
        ? causalSums(queries, keys, values, shape, parameters.chunk, scale)
        : matmul(queries, fusedMatmul(keys, values, { transposeA: true, scale }, 'state'));
      return averages(sums, shape, scale);
    }),
  cost: (shape, { chunk }) => linearCost(shape, chunk),
  pattern: (shape, { chunk }) => ({
    dependsOnData: false,
    reads: denseReads(shape),
    ...(isCausalSelf(shape) ? { block: { queries: chunk, keys: chunk } } : {}),
  }),
  decode: {
    states: (shape) => [{ name: 'state', shape: stateShape(shape) }],
    stateAfter: (inputs, shape) => ({ state: stateAfter(inputs, shape) }),
    /** kv <- kv + phi(k) (v, 1)^T; o = phi(q) kv, its last column being the denominator. */
    build(shape, _parameters, precision) {
      const builder = new GraphBuilder('linear step');
      const { batch, heads, kvHeads, headDim } = shape;
      const { query, key, value } = stepInputs(builder, shape, precision);
      const state = builder.input('state', precision, stateShape(shape));
      const widened = concat([value, filled(value, [batch, kvHeads, 1, 1], 1)], 3);
      const next = add(state, fusedMatmul(phi(key), widened, { transposeA: true }));
      const rows = reshape(phi(query), [batch, kvHeads, heads / kvHeads, headDim]);
      const scale = scaleOf(query, shape);
      builder.output(averages(fusedMatmul(rows, next, { scale }), shape, scale), 'output');
      builder.output(next, 'next.state');
      return builder.finish();
    },
    /** Over the state: the product writes its like, the sum reads both and writes, the query reads, and it is passed on. */
    cost({ batch, heads, kvHeads, headDim, valueDim }) {
      const cells = batch * headDim * (valueDim + 1);
      return {
        flops: cells * (3 * kvHeads + 2 * heads) + batch * heads * (3 * headDim + valueDim),
        bytes: 4 * 7 * cells * kvHeads,
        peakBytes: 4 * 3 * cells * kvHeads,
      };
    },
  },
  asSystem(inputs, _shape, _parameters, head) {
    const { query, key } = headRows(inputs, head);
    const [positions, width] = key.shape as readonly [number, number];
    const [phi, psi] = [query, key].map((x) => tensor(x.shape, x.data.map(featureOf))) as [Tensor, Tensor];
    const sum = new Float64Array(width);
    const etas = integers(0, positions).map((i) => {
      let eta = epsilon;
      for (let x = 0; x < width; x++) {
        sum[x]! += psi.data[i * width + x]!;
        eta += phi.data[i * width + x]! * sum[x]!;
      }
      return eta;
    });
    return kernelSystem(phi, psi, { etas });
  },
  limits: [],
};

const phi = (x: Value): Value => add(elu(x), 1);

/** The sums of phi(k) v^T, and of phi(k) in the last column: [b, hkv, d, dv + 1]. */
const stateShape = ({ batch, kvHeads, headDim, valueDim }: AttentionShape): readonly number[] => [
  batch,
  kvHeads,
  headDim,
  valueDim + 1,
];

/** Numerators by denominators, both times `scale`: [..., dv + 1] to [b, h, n, dv]. */
function averages(sums: Value, { batch, heads, queries, valueDim }: AttentionShape, scale: number): Value {
  // Reshaped before the division: onnxruntime copies what a Reshape at the end of a graph gives.
  const rows = reshape(sums, [batch, heads, queries, valueDim + 1]);
  const least = sums.type === 'float16' ? Math.max(smallestHalf, epsilon * scale) : epsilon;
  return divide(slice(rows, 3, 0, valueDim), add(slice(rows, 3, valueDim), least));
}

/** The state after all keys, in float64. */
function stateAfter({ key, value }: AttentionInputs, shape: AttentionShape): Tensor {
  const { batch, kvHeads, keys, headDim, valueDim } = shape;
  const state = zeros(stateShape(shape));
  for (let head = 0; head < batch * kvHeads; head++) {
    for (let j = head * keys; j < (head + 1) * keys; j++) {
      for (let x = 0; x < headDim; x++) {
        const feature = featureOf(key.data[j * headDim + x]!);
        const at = (head * headDim + x) * (valueDim + 1);
        for (let y = 0; y < valueDim; y++) state.data[at + y]! += feature * value.data[j * valueDim + y]!;
        state.data[at + valueDim]! += feature;
      }
    }
  }
  return state;
}

const featureOf = (x: number): number => (x > 0 ? x + 1 : Math.exp(x));

/**
 * Numerators and denominators [b, hkv, g, n, e + 1] of features as wide as `shape.headDim`: products inside each chunk plus the
 * sums of all keys before it, all times `scale`.
 */
export function causalSums(
  queries: Value,
  keys: Value,
  values: Value,
  shape: AttentionShape,
  chunk: number,
  scale = 1,
): Value {
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
  const inside = matmul(multiply(fusedMatmul(q, k, { transposeB: true, scale }), lower), v);
  let states = cumulativeSum(fusedMatmul(k, v, { transposeA: true, scale }), 3, { exclusive: true }, 'states');
  if (offset > 0) {
    const cache = fusedMatmul(slice(keys, 3, 0, offset), slice(values, 3, 0, offset), {
      transposeA: true,
      scale,
    });
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
            const feature = featureOf(key.data[(kvHead * keys + read) * headDim + x]!);
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
          const feature = featureOf(query.data[row * headDim + x]!);
          total += feature * normaliser[x]!;
          for (let y = 0; y < valueDim; y++) output.data[row * valueDim + y]! += feature * state[x * valueDim + y]!;
        }
        for (let y = 0; y < valueDim; y++) output.data[row * valueDim + y]! /= total;
      }
    }
  }
  return output;
}
