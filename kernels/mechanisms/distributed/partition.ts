/**
 * Who computes what: heads and positions of one attention call split over a grid of p_h x p_s workers, and the order in which
 * the keys reach them.
 *
 * Worker (a, c) owns the heads of part a and the queries and keys of part c. In the `ring` it attends to the keys that it
 * holds, joins the result to what it has by the log-sums, and hands the keys to worker (a, c + 1); in the `gather` it first
 * collects the keys of all parts.
 */
import { isCausalSelf, queryOffset, type AttentionShape } from '../../shape';

export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface Grid {
  readonly headWorkers: number;
  readonly sequenceWorkers: number;
  readonly schedule: 'ring' | 'gather';
  /** Causal-self only: part c is made of pieces c and 2 p_s - 1 - c, so that all workers have the same work. */
  readonly balanced: boolean;
}

export interface Shard {
  /** a * p_s + c. */
  readonly worker: number;
  /** Query heads. */
  readonly heads: Range;
  readonly kvHeads: Range;
  /** Queries (rows of the query tensor), ascending. */
  readonly rows: readonly Range[];
  /** Positions of the keys that it owns, ascending. */
  readonly keys: readonly Range[];
}

export const lengthOf = (ranges: readonly Range[]): number =>
  ranges.reduce((sum, { start, end }) => sum + end - start, 0);

/** `parts` ranges that differ by one position at most; empty ones where there are fewer positions than parts. */
function cut(length: number, parts: number): readonly Range[] {
  const bound = (part: number) => Math.floor((part * length) / parts);
  return Array.from({ length: parts }, (_, part) => ({ start: bound(part), end: bound(part + 1) }));
}

function partsOf(length: number, parts: number, zigzag: boolean): readonly (readonly Range[])[] {
  if (!zigzag) return cut(length, parts).map((range) => [range].filter(({ start, end }) => end > start));
  const pieces = cut(length, 2 * parts);
  return Array.from({ length: parts }, (_, part) =>
    [pieces[part]!, pieces[2 * parts - 1 - part]!].filter(({ start, end }) => end > start),
  );
}

/** The shards of all workers. Causal-self takes shapes without queries that read nothing (queries <= keys). */
export function shardsOf(shape: AttentionShape, grid: Grid): readonly Shard[] {
  const group = shape.heads / shape.kvHeads;
  const zigzag = grid.balanced && grid.sequenceWorkers > 1 && isCausalSelf(shape);
  const rows = partsOf(shape.queries, grid.sequenceWorkers, zigzag);
  const keys = partsOf(shape.keys, grid.sequenceWorkers, zigzag);
  return cut(shape.kvHeads, grid.headWorkers).flatMap((kvHeads, a) =>
    rows.map((own, c) => ({
      worker: a * grid.sequenceWorkers + c,
      heads: { start: kvHeads.start * group, end: kvHeads.end * group },
      kvHeads,
      rows: own,
      keys: keys[c]!,
    })),
  );
}

/** The keys that a worker attends to, step by step, and the worker that owns them (ring: one at a time). */
export interface Step {
  readonly from: readonly number[];
  readonly keys: readonly Range[];
}

/** Ring: p_s steps; gather: one. Keys are ascending in a step. */
export function stepsOf(shards: readonly Shard[], shard: Shard, grid: Grid): readonly Step[] {
  const parts = grid.sequenceWorkers;
  const first = shard.worker - (shard.worker % parts);
  const at = shard.worker - first;
  if (grid.schedule === 'gather') {
    const owners = Array.from({ length: parts }, (_, c) => shards[first + c]!);
    const keys = owners.flatMap((owner) => owner.keys).sort((x, y) => x.start - y.start);
    return [{ from: owners.map(({ worker }) => worker), keys }];
  }
  return Array.from({ length: parts }, (_, step) => {
    const owner = shards[first + ((at - step + parts) % parts)]!;
    return { from: [owner.worker], keys: owner.keys };
  });
}

/** Pairs of query and key that a worker computes in a step when it skips what causality hides. */
export function pairsIn(shape: AttentionShape, rows: readonly Range[], keys: readonly Range[]): number {
  if (!isCausalSelf(shape)) return lengthOf(rows) * lengthOf(keys);
  const offset = queryOffset(shape);
  let pairs = 0;
  for (const { start, end } of rows) {
    for (let row = start; row < end; row++) {
      for (const range of keys) pairs += Math.max(0, Math.min(range.end, row + offset + 1) - range.start);
    }
  }
  return pairs;
}

/**
 * Numbers that a worker hands on (ring) or collects (gather) in a call: the keys and values of p_s - 1 parts,
 * b hkv_a (d + e) each position. With equal parts that is 2 (p_s - 1) (n / p_s) d h / p_h.
 */
export function passedNumbers(
  shape: AttentionShape,
  shards: readonly Shard[],
  shard: Shard,
  { sequenceWorkers: parts, schedule }: Grid,
): number {
  const row = shape.batch * (shard.kvHeads.end - shard.kvHeads.start) * (shape.headDim + shape.valueDim);
  const first = shard.worker - (shard.worker % parts);
  // A ring worker hands on everything that it holds but the last part, which its neighbour owns; a gathering one needs all but its own.
  const stays = schedule === 'ring' ? shards[first + ((shard.worker - first + 1) % parts)]! : shard;
  return row * (shape.keys - lengthOf(stays.keys));
}
