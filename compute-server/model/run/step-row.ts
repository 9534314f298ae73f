/**
 * What one row read, from its step graph: probabilities by sequence row, whatever the order in which the keys of each key/value
 * head lie. Reduced here and not in the graph, where the nodes would run for every token, looked into or not. Of 384 heads at
 * 2,048 keys the sums take 1.6 to 2.5 ms, of 6 that a token with statistics takes longer in all (onnxruntime 1.30, processor time
 * on a busy machine, 2026-11-27). Arrays of the caller's for these outputs, in place of new ones in each run, make no difference.
 */
import type { TopKeys } from '../../../diagnostics/model-runner/run-request';
import { topKeys } from '../../../models/instrument/statistics';
import type { RuntimeValues } from '../../runtime/session';
import type { HeadCache } from './head-cache';
import { floats, range } from './runtime-arrays';

/** Outputs of the step graph that a `StepRow` reads; the sums of its heads need the scores. */
export const rowOutputs = (kvHeads: number, scores: boolean): string[] =>
  range(0, kvHeads).flatMap((g) => [`probabilities.${g}`, ...(scores ? [`scores.${g}`] : [])]);

/** Of the probabilities p of one head. */
export interface RowSums {
  /** Sum of p times the row of the key. */
  readonly positions: number;
  /** -sum p ln p, in nats. */
  readonly entropy: number;
  readonly largest: number;
}

export class StepRow {
  /** Queries of a key/value head. */
  private readonly group: number;
  /** By key/value head, [h / g, 1 + keys]. */
  private readonly probabilities: readonly Float32Array[];

  /** Before the caches take the new row. */
  constructor(
    private readonly heads: number,
    private readonly caches: readonly HeadCache[],
    /** Row of the sequence of the oldest key held. */
    readonly first: number,
    private readonly values: RuntimeValues,
  ) {
    this.group = heads / caches.length;
    this.probabilities = caches.map((_, g) => floats(values, `probabilities.${g}`));
  }

  sums(head: number): RowSums {
    const { g, cache, p, own } = this.of(head);
    const scores = floats(this.values, `scores.${g}`);
    const first = own + 1;
    let largest = p[own] ?? 0;
    let score = scores[own] ?? 0;
    let mass = largest;
    let expected = largest * score;
    let positions = largest * (this.first + cache.length);
    for (const { from, to, at } of cache.pieces()) {
      let here = 0;
      let places = 0;
      for (let place = from; place < to; place++) {
        const weight = p[first + place] ?? 0;
        const scored = scores[first + place] ?? 0;
        here += weight;
        places += weight * place;
        expected += weight * scored;
        if (scored > score) {
          score = scored;
          largest = weight;
        }
      }
      mass += here;
      positions += places + here * (this.first + at - from);
    }
    // ln p = score - largest score + ln (largest p): one logarithm a head. Rounding may leave a certain row a hair below 0.
    return { positions, largest, entropy: Math.max(0, mass * (score - Math.log(largest)) - expected) };
  }

  /** [h, keys]: the probabilities of the keys at the rows named; 0 where no key is held, as of row -1. */
  weightsOf(rows: ArrayLike<number>): Float32Array {
    const found = new Float32Array(this.heads * rows.length);
    this.each(rows, (head, p, own, columns) => {
      for (let at = 0; at < columns.length; at++) {
        const column = columns[at] ?? -1;
        if (column >= 0) found[head * columns.length + at] = p[own + column] ?? 0;
      }
    });
    return found;
  }

  /** [h]: the mass on the keys at the rows named, each once. */
  massOn(rows: ArrayLike<number>): Float64Array {
    const found = new Float64Array(this.heads);
    this.each(rows, (head, p, own, columns) => {
      let mass = 0;
      for (let at = 0; at < columns.length; at++) {
        const column = columns[at] ?? -1;
        if (column >= 0) mass += p[own + column] ?? 0;
      }
      found[head] = mass;
    });
    return found;
  }

  /** The keys read most, the earlier one first where two are read as much. */
  top(): TopKeys {
    const { heads } = this;
    const weights = new Float32Array(heads * topKeys);
    const keys = new Int32Array(heads * topKeys).fill(-1);
    for (let head = 0; head < heads; head++) {
      const { cache, p, own } = this.of(head);
      const base = head * topKeys;
      let count = 0;
      let least = 0;
      const offer = (weight: number, key: number): void => {
        let at = base + Math.min(count, topKeys - 1);
        for (; at > base && weight > (weights[at - 1] ?? 0); at--) {
          weights[at] = weights[at - 1] ?? 0;
          keys[at] = keys[at - 1] ?? -1;
        }
        weights[at] = weight;
        keys[at] = key;
        count = Math.min(count + 1, topKeys);
        least = weights[base + topKeys - 1] ?? 0;
      };
      for (const { from, to, at } of cache.pieces()) {
        const shift = this.first + at - from;
        for (let place = from; place < to; place++) {
          const weight = p[own + 1 + place] ?? 0;
          if (count < topKeys || weight > least) offer(weight, shift + place);
        }
      }
      const weight = p[own] ?? 0;
      if (count < topKeys || weight > least) offer(weight, this.first + cache.length);
    }
    return { weights, keys, heads, k: topKeys };
  }

  /** A head: where its numbers begin in `p`, with that of its own row. */
  private of(head: number): {
    readonly g: number;
    readonly cache: HeadCache;
    readonly p: Float32Array;
    readonly own: number;
  } {
    const g = Math.floor(head / this.group);
    const [cache, p] = [this.caches[g], this.probabilities[g]];
    if (!cache || !p) throw new RangeError(`the layer has ${this.heads} heads, not ${head + 1}`);
    return { g, cache, p, own: (head % this.group) * (1 + cache.length) };
  }

  /** For each head its probabilities from `own` on, and which of them the keys at the rows named have: -1 where none is held. */
  private each(
    rows: ArrayLike<number>,
    use: (head: number, p: Float32Array, own: number, columns: Int32Array) => void,
  ): void {
    const columns = new Int32Array(rows.length);
    this.caches.forEach((cache, g) => {
      for (let each = 0; each < columns.length; each++) {
        const row = rows[each] ?? -1;
        const at = row - this.first;
        const held = row >= 0 && at >= 0 && at < cache.length;
        columns[each] = held ? 1 + cache.placeOf(at) : row >= 0 && at === cache.length ? 0 : -1;
      }
      for (let head = g * this.group; head < (g + 1) * this.group; head++) {
        const { p, own } = this.of(head);
        use(head, p, own, columns);
      }
    });
  }
}
