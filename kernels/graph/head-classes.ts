/** Attention in which groups of heads go different ways. */
import type { AttentionShape } from '../shape';
import { groupQueries } from './attention-graph';
import { concat, gather, reshape } from './operators/layout';
import type { Value } from './records';

export interface HeadClass {
  /** Key/value heads, ascending. */
  readonly heads: readonly number[];
  /** Heads-first output [b, h, n, dv] of these heads alone, which `shape` counts. */
  readonly attend: (query: Value, key: Value, value: Value, shape: AttentionShape) => Value;
}

/** The attention of a class alone: as many key/value heads as it has, and the query heads that read them. */
export const shapeOfClass = (shape: AttentionShape, heads: readonly number[]): AttentionShape => ({
  ...shape,
  heads: (shape.heads / shape.kvHeads) * heads.length,
  kvHeads: heads.length,
});

/** Heads-first output of all heads in their own order; every key/value head belongs to one class. */
export function attendByClass(
  query: Value,
  key: Value,
  value: Value,
  shape: AttentionShape,
  classes: readonly HeadClass[],
): Value {
  const group = shape.heads / shape.kvHeads;
  const outputs = classes.map(({ heads, attend }) => {
    const own = shapeOfClass(shape, heads);
    const queries = reshape(pickHeads(groupQueries(query, shape), heads), [
      own.batch,
      own.heads,
      own.queries,
      own.headDim,
    ]);
    const output = attend(queries, pickHeads(key, heads), pickHeads(value, heads), own);
    return reshape(output, [shape.batch, heads.length, group, shape.queries, shape.valueDim]);
  });
  const order = classes.flatMap(({ heads }) => heads);
  const back = Array.from({ length: shape.kvHeads }, (_, head) => order.indexOf(head));
  return reshape(pickHeads(concat(outputs, 1), back), [shape.batch, shape.heads, shape.queries, shape.valueDim]);
}

/** Rows of axis 1 in the given order; nothing when that is all of them as they are. */
function pickHeads(x: Value, heads: readonly number[]): Value {
  if (heads.length === x.shape[1] && heads.every((head, at) => head === at)) return x;
  return gather(x, x.graph.constant('int64', [heads.length], heads), 1);
}
