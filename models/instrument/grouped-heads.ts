/**
 * Products of queries, keys and values under grouped-query attention: h query heads read g key/value heads, h / g of them,
 * side by side, the same one. None of these copies the keys or values of a shared head but `repeatHeads`.
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { gather, reshape } from '../../kernels/graph/operators/layout';
import { fusedMatmul, matmul } from '../../kernels/graph/operators/matrix';

export interface HeadCounts {
  readonly heads: number;
  readonly kvHeads: number;
}

/** probabilities [b, h, n, t] x value [b, g, t, d] -> [b, h, n, d] */
export function headOutput(probabilities: Value, value: Value, counts: HeadCounts): Value {
  if (counts.heads === counts.kvHeads) return matmul(probabilities, value);
  return ungroupQueries(matmul(groupQueries(probabilities, counts), value), counts);
}

/** query [b, h, n, d] x key [b, g, t, d] -> [b, h, n, t] */
export function scoreKeys(query: Value, key: Value, scale: number, counts: HeadCounts): Value {
  if (counts.heads === counts.kvHeads) return fusedMatmul(query, key, { transposeB: true, scale });
  return ungroupQueries(fusedMatmul(groupQueries(query, counts), key, { transposeB: true, scale }), counts);
}

/** [b, g, t, d] -> [b, h, t, d] */
export function repeatHeads(graph: GraphBuilder, value: Value, { heads, kvHeads }: HeadCounts): Value {
  if (heads === kvHeads) return value;
  const index = Array.from({ length: heads }, (_, head) => Math.floor(head / (heads / kvHeads)));
  return gather(value, graph.constant('int64', [heads], index), 1);
}

/** [b, h, n, x] -> [b, g, (h/g) n, x]: heads that share a key/value head lie side by side, so this only renames axes. */
function groupQueries(x: Value, { heads, kvHeads }: HeadCounts): Value {
  return reshape(x, ['b', kvHeads, `${heads / kvHeads}*n`, x.shape[3] ?? 1]);
}

function ungroupQueries(x: Value, { heads }: HeadCounts): Value {
  return reshape(x, ['b', heads, 'n', x.shape[3] ?? 1]);
}
