/** What the mechanisms with a neural memory share: the sequence in its order, in chunks, behind the persistent positions. */
import type { Parameter, Support } from '../../mechanism';
import type { AttentionShape } from '../../shape';
import type { MemoryParameters } from './layers';
import type { MemoryOrder } from './memory';
import * as field from '../../parameters';

export const windowParameter: Parameter = field.integer(
  'Window',
  'Keys that the attention of a query reads, its own included.',
  { min: 1, max: 65536, default: 256 },
);

/**
 * Without forgetting: most gradients of the full step that are taken at one memory, and the largest step of several layers.
 * Above, memories of 1024 standard normal positions of width 64 diverge (2026-11); nothing is right about a time then.
 */
const mostAtOnce = 4;
const mostDeep = 0.1;

/**
 * A memory that is learned at run time needs one sequence, positions that come one after another, and steps that it survives.
 */
export function memorySupport(
  { pattern }: AttentionShape,
  { chunk, depth, rate, forgetting }: MemoryParameters,
): Support {
  if (pattern !== 'causal-self') {
    return {
      ok: false,
      why: 'The memory is learned in the order of one sequence: it takes causal self-attention only.',
    };
  }
  const most = Math.min(mostAtOnce / chunk, depth > 1 ? mostDeep : 1);
  return forgetting || rate <= most
    ? { ok: true }
    : {
        ok: false,
        why: `Without forgetting a memory of ${depth} ${depth === 1 ? 'layer' : 'layers'} learned in chunks of ${chunk} diverges: choose a largest step of ${Math.floor(1000 * most) / 1000} or less.`,
      };
}

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
