/** Decoding from caches that hold, for each class of heads, the positions that it will still read, in their order. */
import type { AttentionShape, Precision } from '../shape';
import { zeros, type Tensor } from '../tensors/tensor';
import type { KeyList } from './attention-step';
import { attendLists } from './attention-step';
import type { GraphBuilder } from './builder';
import { joinClasses, pickHeads, queriesOfClass } from './head-classes';
import { reshape } from './operators/layout';
import type { Value } from './records';

/** A tensor that decoding carries from position to position. */
export interface StateTensor {
  readonly name: string;
  /** The state before the new position: shape.keys - 1 positions have been read. */
  readonly shape: readonly number[];
  /**
   * The axis along which each position appends one row (a cache, in the order of positions); left out: replaced as a whole (a
   * recurrent state).
   */
  readonly grows?: number;
  /** Rows [from, to) along `grows` that leave in the step, before its own row is appended. */
  readonly forgets?: { readonly from: number; readonly to: number };
}

export interface KeptClass {
  readonly name: string;
  /** Key/value heads, ascending. */
  readonly heads: readonly number[];
  /** Positions kept while the new one, the last of the shape, is decoded, ascending; it is not among them. */
  readonly now: readonly number[];
  /** Positions kept for the step after it: of those before and the new one, all but a stretch. */
  readonly next: readonly number[];
}

export const keepsNew = ({ keys }: AttentionShape, { next }: KeptClass): boolean => next.at(-1) === keys - 1;

/** Places in the cache of the stretch that leaves, [from, to). */
export function leaving({ now, next }: KeptClass): { readonly from: number; readonly to: number } {
  const stay = new Set(next);
  const from = now.findIndex((position) => !stay.has(position));
  return from < 0 ? { from: 0, to: 0 } : { from, to: from + now.filter((position) => !stay.has(position)).length };
}

/** `key.<name>` and `value.<name>`, [b, heads, kept, width]. */
export function keptStates(shape: AttentionShape, kept: KeptClass): readonly StateTensor[] {
  const { from, to } = leaving(kept);
  const state = (kind: string, width: number): StateTensor => ({
    name: `${kind}.${kept.name}`,
    shape: [shape.batch, kept.heads.length, kept.now.length, width],
    grows: 2,
    ...(to > from ? { forgets: { from, to } } : {}),
  });
  return kept.now.length === 0 ? [] : [state('key', shape.headDim), state('value', shape.valueDim)];
}

/** Their numbers, of the keys and values [b, hkv, m, width] of all positions before. */
export const keptNumbers = (
  { key, value }: { readonly key: Tensor; readonly value: Tensor },
  { name, heads, now }: KeptClass,
): Readonly<Record<string, Tensor>> =>
  now.length === 0
    ? {}
    : { [`key.${name}`]: rowsOfHeads(key, heads, now), [`value.${name}`]: rowsOfHeads(value, heads, now) };

/** The lists that a class reads, its cache and the new position; hands the new row on where it stays. */
export function keptLists(
  builder: GraphBuilder,
  shape: AttentionShape,
  precision: Precision,
  kept: KeptClass,
  key: Value,
  value: Value,
): readonly KeyList[] {
  const [keys, values] = [pickHeads(key, kept.heads), pickHeads(value, kept.heads)];
  const [cachedKeys, cachedValues] = keptStates(shape, kept).map(({ name, shape: dims }) =>
    builder.input(name, precision, dims),
  );
  if (!cachedKeys || !cachedValues) return [{ keys, values }];
  if (keepsNew(shape, kept)) {
    builder.output(keys, `next.key.${kept.name}`);
    builder.output(values, `next.value.${kept.name}`);
  }
  return [
    { keys, values },
    { keys: cachedKeys, values: cachedValues },
  ];
}

/** Heads-first output [b, h, 1, dv] of classes that read their lists. */
export function attendKept(
  query: Value,
  shape: AttentionShape,
  classes: readonly { readonly heads: readonly number[]; readonly lists: readonly KeyList[] }[],
): Value {
  const outputs = classes.map(({ heads, lists }) => {
    const queries = queriesOfClass(query, shape, heads);
    const group = shape.heads / shape.kvHeads;
    return attendLists(
      reshape(queries, [shape.batch, heads.length, group, shape.headDim]),
      lists,
      shape.headDim ** -0.5,
    );
  });
  return joinClasses(outputs, shape, classes);
}

/** Positions of some heads of [b, hkv, m, width]. */
export function rowsOfHeads(x: Tensor, heads: readonly number[], positions: readonly number[]): Tensor {
  const [batch, kvHeads, length, width] = x.shape as readonly [number, number, number, number];
  const rows = zeros([batch, heads.length, positions.length, width]);
  let to = 0;
  for (let b = 0; b < batch; b++) {
    for (const head of heads) {
      for (const position of positions) {
        const from = ((b * kvHeads + head) * length + position) * width;
        rows.data.set(x.data.subarray(from, from + width), to);
        to += width;
      }
    }
  }
  return rows;
}
