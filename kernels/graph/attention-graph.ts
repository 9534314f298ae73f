/** The frame of every attention graph: inputs in the mechanism's layout, queries that read nothing, the output. */
import { isCausalSelf, type AttentionShape, type Precision } from '../shape';
import { GraphBuilder } from './builder';
import type { Graph } from './graph';
import { pad, reshape, slice } from './operators/layout';
import type { Value } from './records';

/**
 * The order of the axes in which a graph takes query, key and value and gives its output. The harness lays the tensors out
 * before timing, so that each mechanism is timed in its own natural layout.
 * - `heads-first`: [batch, head, position, width]
 * - `sequence-first`: [batch, position, head * width]
 */
export type Layout = 'heads-first' | 'sequence-first';

export interface AttentionValues {
  readonly builder: GraphBuilder;
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
}

/**
 * Builds the graph of `body`. In causal-self with more queries than keys the first queries - keys rows may read nothing and
 * give zeros: they are cut off before `body` and put back as zeros, so that `body` always sees queries <= keys.
 */
export function attentionGraph(
  id: string,
  shape: AttentionShape,
  precision: Precision,
  layout: Layout,
  body: (values: AttentionValues, shape: AttentionShape) => Value,
): Graph {
  const builder = new GraphBuilder(id);
  builder.metadata.set('mechanism', id);
  builder.metadata.set('shape', JSON.stringify(shape));
  const input = (name: string, heads: number, length: number, width: number) =>
    builder.input(
      name,
      precision,
      layout === 'heads-first' ? [shape.batch, heads, length, width] : [shape.batch, length, heads * width],
    );
  const query = input('query', shape.heads, shape.queries, shape.headDim);
  const key = input('key', shape.kvHeads, shape.keys, shape.headDim);
  const value = input('value', shape.kvHeads, shape.keys, shape.valueDim);
  const axis = layout === 'heads-first' ? 2 : 1;
  const blind = isCausalSelf(shape) ? Math.max(0, shape.queries - shape.keys) : 0;
  const seeing = { ...shape, queries: shape.queries - blind };
  const output = body({ builder, query: slice(query, axis, blind), key, value }, seeing);
  builder.output(pad(output, axis, blind, 0), 'output');
  return builder.finish();
}

/** The inputs of one step of decoding, of the new position only: query [b, h, 1, d], key and value [b, hkv, 1, .]. */
export const stepInputs = (
  builder: GraphBuilder,
  { batch, heads, kvHeads, headDim, valueDim }: AttentionShape,
  precision: Precision,
): { readonly query: Value; readonly key: Value; readonly value: Value } => ({
  query: builder.input('query', precision, [batch, heads, 1, headDim]),
  key: builder.input('key', precision, [batch, kvHeads, 1, headDim]),
  value: builder.input('value', precision, [batch, kvHeads, 1, valueDim]),
});

/**
 * Heads-first query [b, h, n, d] with the query heads of one key/value head beside each other: [b, hkv, g, n, d]. Since query
 * head h reads key/value head floor(h / g), this moves nothing.
 */
export const groupQueries = (query: Value, shape: AttentionShape): Value =>
  reshape(query, [shape.batch, shape.kvHeads, shape.heads / shape.kvHeads, query.shape[2] ?? 1, shape.headDim]);

/** Rows of one key/value head as one matrix, [b, hkv, g * n, d], so that a group reads its keys in one product. */
export const foldGroup = (grouped: Value): Value => {
  const [batch, kvHeads, group, length, width] = grouped.shape as readonly [number, number, number, number, number];
  return reshape(grouped, [batch, kvHeads, group * length, width]);
};

/** Back from [b, hkv, g * n, w] to [b, h, n, w], of all key/value heads or of some. */
export const unfoldGroup = (folded: Value, shape: AttentionShape): Value => {
  const group = shape.heads / shape.kvHeads;
  const [batch, kvHeads, rows, width] = folded.shape as readonly [number, number, number, number];
  return reshape(folded, [batch, kvHeads * group, rows / group, width]);
};

/**
 * [rows, columns] holding 0 where `reads(row, column)` and -infinity elsewhere; to be added to scores. Rows that read
 * nothing would give NaN: the frame above keeps them away.
 */
export function additiveMask(
  like: Value,
  rows: number,
  columns: number,
  reads: (row: number, column: number) => boolean,
): Value {
  const numbers = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) numbers[i * columns + j] = reads(i, j) ? 0 : -Infinity;
  }
  return like.graph.constant(like.type, [rows, columns], numbers);
}
