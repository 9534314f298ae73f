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
  const outputs = classes.map(({ heads, attend }) => {
    const own = shapeOfClass(shape, heads);
    return attend(queriesOfClass(query, shape, heads), pickHeads(key, heads), pickHeads(value, heads), own);
  });
  return joinClasses(outputs, shape, classes);
}

/** Heads-first queries of the query heads that read the given key/value heads, [b, g heads, n, d]. */
export function queriesOfClass(query: Value, shape: AttentionShape, heads: readonly number[]): Value {
  const own = shapeOfClass(shape, heads);
  return reshape(pickHeads(groupQueries(query, shape), heads), [own.batch, own.heads, own.queries, own.headDim]);
}

/** Heads-first outputs of the classes, one for each, as the output of all heads in their own order. */
export function joinClasses(
  outputs: readonly Value[],
  { batch, heads, kvHeads, queries, valueDim }: AttentionShape,
  classes: readonly Pick<HeadClass, 'heads'>[],
): Value {
  const apart = outputs.map((output, at) =>
    reshape(output, [batch, classes[at]!.heads.length, heads / kvHeads, queries, valueDim]),
  );
  const order = classes.flatMap((each) => each.heads);
  const back = Array.from({ length: kvHeads }, (_, head) => order.indexOf(head));
  return reshape(pickHeads(concat(apart, 1), back), [batch, heads, queries, valueDim]);
}

/** Rows of axis 1 in the given order; nothing when that is all of them as they are. */
export function pickHeads(x: Value, heads: readonly number[]): Value {
  if (heads.length === x.shape[1] && heads.every((head, at) => head === at)) return x;
  return gather(x, x.graph.constant('int64', [heads.length], heads), 1);
}
