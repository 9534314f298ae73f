/** What the mechanisms with a neural memory share: the sequence in its order, in chunks, behind the persistent positions. */
import type { Parameter, Support } from '../../mechanism';
import type { AttentionShape } from '../../shape';
import type { MemoryParameters } from './layers';
import type { MemoryOrder } from './memory';

export const windowParameter: Parameter = {
  kind: 'integer',
  title: 'Window',
  description: 'Keys that the attention of a query reads, its own included.',
  min: 1,
  max: 65536,
  default: 256,
};

/** A memory that is learned at run time needs one sequence, and positions that come one after another. */
export const inOrder = ({ pattern }: AttentionShape): Support =>
  pattern === 'causal-self'
    ? { ok: true }
    : { ok: false, why: 'The memory is learned in the order of one sequence: it takes causal self-attention only.' };

/** Queries of the sequence alone, keys with the persistent positions; without queries that read nothing. */
export const wideShape = (shape: AttentionShape, { persistent }: { readonly persistent: number }): AttentionShape => ({
  ...shape,
  queries: Math.min(shape.queries, shape.keys),
  keys: shape.keys + persistent,
});

/** Chunks are counted from the first position after the persistent ones. */
export const orderOf = (parameters: MemoryParameters & { readonly persistent: number }): MemoryOrder => ({
  ...parameters,
  before: parameters.persistent,
});

/** Keys and values of a window [b, hkv, window, .], which decoding carries. */
export const windowStates = ({ batch, kvHeads, headDim, valueDim }: AttentionShape, window: number) => [
  { name: 'window.key', shape: [batch, kvHeads, window, headDim] },
  { name: 'window.value', shape: [batch, kvHeads, window, valueDim] },
];

/** Tiles of both lengths end together at its multiples. */
export function commonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
