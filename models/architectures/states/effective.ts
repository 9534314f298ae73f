/**
 * A recurrence that is linear in its values, and its effective attention: the same recurrence run on values that are one position each
 * gives for every query what it multiplies each value with, so that the matrix is exact up to rounding.
 */
import { addDims, multiplyDims, type Dim } from '../../../kernels/graph/dims';
import { dimOf, range } from '../../../kernels/graph/operators/dynamic';
import { add, cast, equal, multiply } from '../../../kernels/graph/operators/elementwise';
import { concat, reshape, transpose, unsqueeze } from '../../../kernels/graph/operators/layout';
import { linearAttention, type LinearAttentionOptions } from '../../../kernels/graph/operators/recurrence';
import type { Value } from '../../../kernels/graph/records';

/** What the recurrence reads beside its values, and how: operands of `linearAttention`. */
export interface Recurrence {
  readonly query: Value;
  readonly key: Value;
  readonly options: Omit<LinearAttentionOptions, 'past'>;
  /** What a value is multiplied with before the state takes it in, [b, n, h]; absent: 1. */
  readonly factor?: Value;
  /** How much of its own value is added to an output beside the state, [h]. */
  readonly direct?: Value;
}

export interface Effective {
  /** [b, h, n, past + n] */
  readonly matrix: Value;
  /** The state of values that are one position each, [b, h, k, past + n]. */
  readonly reads: Value;
}

/** Makes of values [b, n, h, d] the outputs [b, n, h, d] and the state [b, h, k, d] behind the last position. */
export function applied(
  { query, key, options, factor, direct }: Recurrence,
  values: Value,
  past: Value | undefined,
): { readonly output: Value; readonly state: Value } {
  const [batch = 1, length = 1, heads = 1, width = 1] = values.shape;
  const taken = factor ? multiply(values, unsqueeze(factor, 3)) : values;
  const flat = reshape(taken, [batch, length, multiplyDims(heads, width)]);
  const { output, state } = linearAttention(query, key, flat, { ...options, past });
  const read = reshape(output, values.shape);
  return { output: direct ? add(read, multiply(values, unsqueeze(direct, 1))) : read, state };
}

/** `reads` [b, h, k, past], empty in front of the first chunk. */
export function effectiveAttention(recurrence: Recurrence, reads: Value): Effective {
  const { query, options } = recurrence;
  const positions = repeated(unsqueeze(ownPositions(query, reads), 1), query, options.heads);
  const { output, state } = applied(recurrence, positions, widened(query, reads));
  return { matrix: transpose(output, [0, 2, 1, 3]), reads: state };
}

/** x [n, 1, t] for each text and head, [b, n, h, t]. */
export function repeated(x: Value, like: Value, heads: number): Value {
  const { graph, type, shape } = x;
  const [batch = 1] = like.shape;
  const times = concat([reshape(dimOf(like, 0), [1]), graph.constant('int64', [3], [1, heads, 1])], 0);
  return graph.node('Expand', [x, times], [{ type, shape: [batch, shape[0] ?? 1, heads, shape[2] ?? 1] }])[0];
}

/** past + n, of reads [.., past] and positions x [b, n, ..]. */
export const keysOf = (x: Value, reads: Value): Dim => addDims(reads.shape.at(-1) ?? 0, x.shape[1] ?? 1);

/** [n, past + n]: 1 at the key that is the query's own position. */
export function ownPositions(x: Value, reads: Value): Value {
  const past = dimOf(reads, -1);
  const all = add(past, dimOf(x, 1));
  const queries = unsqueeze(range(past, all, x.shape[1] ?? 1), 1);
  const keys = range(x.graph.constant('int64', [], [0]), all, keysOf(x, reads));
  return cast(equal(queries, keys), 'float32');
}

/** Reads [.., past] with zeros for the positions of x behind them. */
export function widened(x: Value, reads: Value): Value {
  const { graph, type, shape } = reads;
  const before = graph.constant('int64', [2 * shape.length - 1], new Array<number>(2 * shape.length - 1).fill(0));
  const pads = concat([before, reshape(dimOf(x, 1), [1])], 0);
  return graph.node('Pad', [reads, pads], [{ type, shape: [...shape.slice(0, -1), keysOf(x, reads)] }])[0];
}
