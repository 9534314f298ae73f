/** Attention of one new position over several lists of keys, which are never copied together. */
import { add, type Operand } from './operators/elementwise';
import { concat, gatherRange } from './operators/layout';
import { fusedMatmul, matmul } from './operators/matrix';
import { softmax } from './operators/reduce';
import type { Value } from './records';

/** Keys [..., m, d] with their values [..., m, dv]; the axes before broadcast to those of the queries. */
export interface KeyList {
  readonly keys: Value;
  readonly values: Value;
  /** Added to the scaled scores: the logarithm of how often a key counts, or a mask. */
  readonly bias?: Operand;
}

/** Queries [..., r, d] over all lists under one softmax: [..., r, dv]. */
export function attendLists(queries: Value, lists: readonly KeyList[], scale: number): Value {
  const scores = lists.map(({ keys, bias }) => {
    const plain = fusedMatmul(queries, keys, { transposeB: true, scale });
    return bias === undefined ? plain : add(plain, bias);
  });
  const axis = queries.shape.length - 1;
  const weights = softmax(concat(scores, axis));
  let from = 0;
  const parts = lists.map(({ keys, values }) => {
    const to = from + Number(keys.shape[axis - 1]);
    const own = gatherRange(weights, axis, from, to);
    from = to;
    return matmul(own, values);
  });
  return parts.reduce((sum, part) => add(sum, part));
}
