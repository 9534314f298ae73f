/**
 * Parts of MULTI-LANE over tokens of width C. Summary: W = softmax over tokens of s x^T / sqrt(C), U = W x, without projections.
 * Prefix attention: multi-head attention whose keys and values have p learned rows before them; queries do not.
 */
import { expand, reshape, split, transpose, concat } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { softmax as softmaxOf } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { ModuleGraph, Tensors } from '../../module';
import { linearLayer } from '../../module-parts/graph';
import {
  attention,
  joined,
  joinHeads,
  linear,
  mapped,
  matrixProduct,
  permuted,
  reshaped,
  sliced,
  softmax,
  splitHeads,
  turned,
} from '../../module-parts/layers';
import { weightOf } from '../../module-parts/weights';
import { zeros, type Tensor } from '../../tensors/tensor';

/** s [b, g, C] over x [b, N, C]: W [b, g, N] and U [b, g, C]. */
export function summary(s: Tensor, x: Tensor) {
  const scale = 1 / Math.sqrt(x.shape[2]!);
  const weights = softmax(mapped(matrixProduct(s, turned(x)), (score) => score * scale));
  return { weights, output: matrixProduct(weights, x) };
}

/** s [g, C] or [b, g, C]. */
export function summaryGraph(s: Value, x: Value) {
  const weights = softmaxOf(fusedMatmul(s, x, { transposeB: true, scale: 1 / Math.sqrt(Number(x.shape[2])) }));
  return { weights, output: matmul(weights, x) };
}

/** The same [p, heads, d] rows for every sample: [b, heads, p, d]. */
function repeated(rows: Tensor, batch: number): Tensor {
  const one = permuted(rows, [1, 0, 2]);
  const y = zeros([batch, ...one.shape]);
  for (let b = 0; b < batch; b++) y.data.set(one.data, b * one.data.length);
  return y;
}

/** Prompts [2, p, heads, d] or none; weights `qkv` and `proj`. The map [b, heads, n, p + n]. */
export function prefixAttention(x: Tensor, weights: Tensors, heads: number, prompts?: Tensor) {
  const [batch, , c] = x.shape as [number, number, number];
  const qkv = linear(x, weightOf(weights, 'qkv.weight'), weightOf(weights, 'qkv.bias'));
  const [q, k, v] = [0, 1, 2].map((at) => splitHeads(sliced(qkv, 2, at * c, (at + 1) * c), heads)) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const prefixed = (rows: Tensor, at: number): Tensor => {
    if (!prompts) return rows;
    return joined([repeated(reshaped(sliced(prompts, 0, at, at + 1), prompts.shape.slice(1)), batch), rows], 2);
  };
  const read = attention(q, prefixed(k, 0), prefixed(v, 1), 1 / Math.sqrt(c / heads));
  return {
    map: read.weights,
    output: linear(joinHeads(read.output), weightOf(weights, 'proj.weight'), weightOf(weights, 'proj.bias')),
  };
}

/**
 * x [b t, n, C]; prompts [2, t, p, heads, d] or none. `first`: the first row alone is a query, and the output [b t, 1, C].
 */
export function prefixGraph(graph: ModuleGraph, x: Value, heads: number, prompts?: Value, first = false): Value {
  const [rows, n, c] = x.shape.map(Number) as [number, number, number];
  const depth = c / heads;
  const queries = first && n > 1 ? split(x, 1, [1, n - 1])[0]! : x;
  const asked = Number(queries.shape[1]);
  const [weightQ, weightKv] = split(graph.weight('qkv.weight'), 0, [c, 2 * c]) as [Value, Value];
  const [biasQ, biasKv] = split(graph.weight('qkv.bias'), 0, [c, 2 * c]) as [Value, Value];
  const split4 = (part: Value, count: number): Value =>
    transpose(reshape(part, [rows, count, heads, depth]), [0, 2, 1, 3]);
  const q = split4(linearLayer(queries, weightQ, biasQ), asked);
  const [k, v] = split(linearLayer(x, weightKv, biasKv), 2, [c, c]).map((part) => split4(part, n)) as [Value, Value];
  const learned = prompts
    ? split(prompts, 0, [1, 1]).map((part) => {
        const [, tasks, p] = prompts.shape.map(Number) as [number, number, number];
        const own = transpose(reshape(part, [tasks, p, heads, depth]), [0, 2, 1, 3]);
        const batch = rows / tasks;
        const all = expand(reshape(own, [1, tasks, heads, p, depth]), [batch, tasks, heads, p, depth]);
        return reshape(all, [rows, heads, p, depth]);
      })
    : [];
  const prefixed = (part: Value, at: number): Value => (learned[at] ? concat([learned[at], part], 2) : part);
  const map = softmaxOf(fusedMatmul(q, prefixed(k, 0), { transposeB: true, scale: 1 / Math.sqrt(depth) }));
  const read = reshape(transpose(matmul(map, prefixed(v, 1)), [0, 2, 1, 3]), [rows, asked, c]);
  return linearLayer(read, graph.weight('proj.weight'), graph.weight('proj.bias'));
}
