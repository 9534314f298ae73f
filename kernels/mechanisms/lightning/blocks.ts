/**
 * Causal linear attention in blocks of B positions: products inside a block, and a running state of all blocks before it.
 *
 * With i = 0..B-1 the place inside a block, lambda the head's decay and the state KV = sum of lambda^age k v^T as a recurrence
 * would hold it after the block before (the placement of the exponents of arXiv:2401.04658, from which decoding can continue):
 *   O = ((Q K^T) (.) M) V + diag(lambda^(i+1)) Q KV,   M_ij = lambda^(i-j) for i >= j, else 0;
 *   KV <- lambda^B KV + (diag(lambda^(B-1-i)) K)^T V.
 */
import { scan } from '../../graph/operators/control';
import { add, multiply } from '../../graph/operators/elementwise';
import { filled, pad, reshape, slice, transpose, unsqueeze } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import type { Value } from '../../graph/records';
import { queryOffset, type AttentionShape } from '../../shape';

/**
 * `loop`: block after block (Scan), with one state in memory and scores that stay in cache; `parallel`: the products of all
 * blocks at once, and a loop over their states only.
 */
export type BlockForm = 'parallel' | 'loop';

export interface BlockOptions {
  readonly block: number;
  readonly form: BlockForm;
  /** -log(lambda) of every query head. */
  readonly slopes: readonly number[];
  /** The state of what came before the first key, [b, h, d, e]. */
  readonly carried?: Value | undefined;
}

/** Query [b, h, n, d], key [b, hkv, m, d], value [b, hkv, m, e] to [b, h, n, e]; n <= m. */
export function decayedBlocks(
  query: Value,
  key: Value,
  value: Value,
  shape: AttentionShape,
  { block, form, slopes, carried }: BlockOptions,
): Value {
  const { batch, heads, kvHeads, queries } = shape;
  const [headDim, valueDim] = [Number(key.shape[3]), Number(value.shape[3])];
  const group = heads / kvHeads;
  const offset = queryOffset(shape);
  const size = Math.min(block, queries);
  const blocks = Math.ceil(queries / size);
  const decays = decaysOf(query, kvHeads, group, size, slopes);
  const cut = (x: Value, groups: number, from: number, width: number): Value =>
    reshape(pad(slice(x, 2, from), 2, 0, blocks * size - queries), [batch, kvHeads, groups, blocks, size, width]);
  const parts: Parts = {
    q: cut(query, group, 0, headDim),
    k: cut(key, 1, offset, headDim),
    v: cut(value, 1, offset, valueDim),
    before: offset > 0 || carried ? stateAfter(key, value, offset, shape, slopes, carried) : undefined,
  };
  const output = form === 'loop' ? loop(parts, decays) : parallel(parts, decays);
  return slice(reshape(output, [batch, heads, blocks * size, valueDim]), 2, 0, queries);
}

interface Parts {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
  /** [b, hkv, g, d, e] */
  readonly before: Value | undefined;
}

interface Decays {
  /** M, [hkv, g, 1, B, B] (or [B, B] when every head has the same). */
  readonly inside: Value;
  /** lambda^(i+1), [hkv, g, 1, B, 1]; left out without decay. */
  readonly query?: Value;
  /** lambda^(B-1-i), [hkv, g, 1, B, 1]; left out without decay. */
  readonly key?: Value;
  /** lambda^B, [hkv, g, 1, 1]; left out without decay. */
  readonly block?: Value;
}

function decaysOf(like: Value, kvHeads: number, group: number, size: number, slopes: readonly number[]): Decays {
  const table = (shape: readonly number[], perHead: (slope: number) => readonly number[]): Value =>
    like.graph.constant(like.type, shape, slopes.flatMap(perHead));
  const each = (power: (i: number) => number) => (slope: number) =>
    Array.from({ length: size }, (_, i) => Math.exp(-slope * power(i)));
  const inside = (slope: number) =>
    Array.from({ length: size * size }, (_, x) => {
      const distance = Math.floor(x / size) - (x % size);
      return distance < 0 ? 0 : Math.exp(-slope * distance);
    });
  if (slopes.every((slope) => slope === 0)) {
    return { inside: like.graph.constant(like.type, [size, size], inside(0)) };
  }
  return {
    inside: table([kvHeads, group, 1, size, size], inside),
    query: table(
      [kvHeads, group, 1, size, 1],
      each((i) => i + 1),
    ),
    key: table(
      [kvHeads, group, 1, size, 1],
      each((i) => size - 1 - i),
    ),
    block: table([kvHeads, group, 1, 1], (slope) => [Math.exp(-slope * size)]),
  };
}

/** The state after the first `count` keys, on what was carried before them: [b, hkv, g, d, e]; one of both is there. */
export function stateAfter(
  key: Value,
  value: Value,
  count: number,
  { batch, kvHeads, heads }: AttentionShape,
  slopes: readonly number[],
  carried?: Value,
): Value {
  const group = heads / kvHeads;
  const kept = carried && reshape(carried, [batch, kvHeads, group, Number(key.shape[3]), Number(value.shape[3])]);
  const faded = (power: number) => slopes.map((slope) => Math.exp(-slope * power));
  const before = kept && multiply(kept, key.graph.constant(key.type, [kvHeads, group, 1, 1], faded(count)));
  if (count === 0) return before!;
  const keys = unsqueeze(slice(key, 2, 0, count), 2); // [b, hkv, 1, count, d]
  const values = unsqueeze(slice(value, 2, 0, count), 2);
  const ages = key.graph.constant(
    key.type,
    [kvHeads, group, count, 1],
    slopes.flatMap((slope) => Array.from({ length: count }, (_, j) => Math.exp(-slope * (count - 1 - j)))),
  );
  const own = fusedMatmul(multiply(keys, ages), values, { transposeA: true });
  return before ? add(before, own) : own;
}

const scaled = (x: Value, factor: Value | undefined): Value => (factor ? multiply(x, factor) : x);

const insideBlocks = (q: Value, k: Value, v: Value, mask: Value): Value =>
  matmul(multiply(fusedMatmul(q, k, { transposeB: true }), mask), v);

function parallel(parts: Parts, decays: Decays): Value {
  const { q, k, v } = parts;
  const own = fusedMatmul(scaled(k, decays.key), v, { transposeA: true }); // [b, hkv, g or 1, T, d, e]
  const { outputs } = scan([firstState(parts, decays)], [blocksFirst(own)], ([state], [added]) => ({
    states: [add(scaled(state!, decays.block), added!)],
    outputs: [state!],
  }));
  const states = blocksBack(outputs[0]!);
  return add(insideBlocks(q, k, v, decays.inside), matmul(scaled(q, decays.query), states));
}

const blocksFirst = (x: Value): Value => transpose(x, [3, 0, 1, 2, 4, 5]);
const blocksBack = (x: Value): Value => transpose(x, [1, 2, 3, 0, 4, 5]);

/** Before the first block, [b, hkv, g or 1, d, e]. */
function firstState({ q, k, v, before }: Parts, decays: Decays): Value {
  const [batch, kvHeads, group] = q.shape as readonly [number, number, number];
  const shape = [batch, kvHeads, decays.key ? group : 1, Number(k.shape[5]), Number(v.shape[5])];
  return before ?? filled(q, shape, 0);
}

function loop(parts: Parts, decays: Decays): Value {
  const { q, k, v } = parts;
  const squeezed = (x: Value): Value =>
    reshape(
      x,
      x.shape.filter((_, axis) => axis !== 2),
    );
  const inside = decays.key ? squeezed(decays.inside) : decays.inside;
  const queryDecay = decays.query && squeezed(decays.query);
  const keyDecay = decays.key && squeezed(decays.key);
  const scanned = [q, k, v].map(blocksFirst);
  const { outputs } = scan([firstState(parts, decays)], scanned, ([state], [qt, kt, vt]) => {
    const own = fusedMatmul(scaled(kt!, keyDecay), vt!, { transposeA: true });
    const output = add(insideBlocks(qt!, kt!, vt!, inside), matmul(scaled(qt!, queryDecay), state!));
    return { states: [add(scaled(state!, decays.block), own)], outputs: [output] };
  });
  return blocksBack(outputs[0]!);
}

/** Q (K^T V) without order, [b, h, n, e]. */
export function wholeProduct(query: Value, key: Value, value: Value, shape: AttentionShape): Value {
  const { batch, heads, kvHeads, queries, headDim, valueDim } = shape;
  const state = unsqueeze(fusedMatmul(key, value, { transposeA: true }), 2); // [b, hkv, 1, d, e]
  const grouped = reshape(query, [batch, kvHeads, heads / kvHeads, queries, headDim]);
  return reshape(matmul(grouped, state), [batch, heads, queries, valueDim]);
}
