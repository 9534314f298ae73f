/**
 * What one row read, from its step graph: probabilities by sequence row, whatever the order in which the keys of each
 * key/value head lie. The probability of a mean of dropped keys is spread evenly over them, as if each were read with the
 * score of the mean: so the numbers are those of the whole text under masks (models/instrument/changes/plan.ts). Reduced
 * here and not in the graph, where the nodes would run for every token, looked into or not. Of 384 heads at 2,048 keys the
 * sums take 1.6 to 2.5 ms, of 6 that a token with statistics takes longer in all (onnxruntime 1.30, processor time on a busy
 * machine, 2026-11-27). Arrays of the caller's for these outputs, in place of new ones in each run, make no difference.
 */
import type { TopKeys } from '../../../../diagnostics/model-runner/run-request';
import { topKeys } from '../../../../models/instrument/statistics';
import type { Range } from '../../../../protocol/schema/written-form';
import type { RuntimeValues } from '../../../runtime/session';
import type { HeadCache } from '../cache/head-cache';
import { floats, range } from '../graphs/runtime-arrays';

/** Outputs of the step graph that a `StepRow` reads; the sums of its heads need the scores. `apart`: of that many caches, by head. */
export const rowOutputs = (apart: number | undefined, scores: boolean): string[] =>
  ['probabilities', ...(scores ? ['scores'] : [])].flatMap((name) =>
    apart === undefined ? [name] : range(0, apart).map((g) => `${name}.${g}`),
  );

/** Sums over the probabilities p of one head. */
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
  /** Columns before those of the cache. */
  private readonly before: number;
  /** By key/value head, of what its mean stands for. */
  private readonly dropped: readonly Dropped[];
  /** By key/value head, [h / g, 1 + means + keys]. */
  private readonly probabilities: readonly Float32Array[];

  /** Before the caches take the new row. */
  constructor(
    private readonly heads: number,
    /** By key/value head; the same one for each where the rows of all are in one. */
    private readonly caches: readonly HeadCache[],
    /** The first row of the sequence that the row may read. */
    readonly first: number,
    private readonly values: RuntimeValues,
    /** Whether the heads are outputs of their own. */
    private readonly apart: boolean,
    /** Whether the graph has a column for a mean. */
    means = false,
    /** Attention was moved: what is read is no softmax of scores, and its own logarithms take their place. */
    private readonly moved = false,
  ) {
    this.before = means ? 2 : 1;
    this.group = heads / caches.length;
    this.probabilities = caches.map((_, g) => this.output('probabilities', g));
    this.dropped = caches.map(droppedOf);
  }

  private scoresOf(g: number): Float32Array {
    if (!this.moved) return this.output('scores', g);
    // Below 1e-37 a probability is nothing in float32, and its logarithm is finite.
    return (this.probabilities[g] ?? new Float32Array(0)).map((p) => Math.log(Math.max(p, 1e-37)));
  }

  /** Of the queries of a key/value head, [h / g, 1 + means + keys]. */
  private output(name: 'probabilities' | 'scores', g: number): Float32Array {
    if (this.apart) return floats(this.values, `${name}.${g}`);
    const all = floats(this.values, name);
    const each = all.length / this.caches.length;
    return all.subarray(g * each, (g + 1) * each);
  }

  sums(head: number): RowSums {
    const { g, cache, p, own, first, dropped } = this.of(head);
    const scores = this.scoresOf(g);
    let mass = p[own] ?? 0;
    let score = scores[own] ?? 0;
    let largest = mass;
    let expected = mass * score;
    let positions = mass * cache.next;
    const { count } = dropped;
    if (count > 0) {
      const weight = p[own + 1] ?? 0;
      // The score counts them all.
      const scored = (scores[own + 1] ?? 0) - Math.log(count);
      mass += weight;
      expected += weight * scored;
      positions += weight * dropped.positions;
      if (scored > score) {
        score = scored;
        largest = weight / count;
      }
    }
    for (const { from, to, row } of cache.pieces()) {
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
      positions += places + here * (row - from);
    }
    // ln p = score - largest score + ln (largest p): one logarithm a head. Rounding may leave a certain row a hair below 0.
    return { positions, largest, entropy: Math.max(0, mass * (score - Math.log(largest)) - expected) };
  }

  /** [h, keys]: the probabilities of the keys at the rows named; 0 where no key is read, as of row -1. */
  weightsOf(rows: ArrayLike<number>): Float32Array {
    const found = new Float32Array(this.heads * rows.length);
    this.each(rows, (head, weightAt) => {
      for (let at = 0; at < rows.length; at++) found[head * rows.length + at] = weightAt(at);
    });
    return found;
  }

  /** [h]: the mass on the keys at the rows named, each once. */
  massOn(rows: ArrayLike<number>): Float64Array {
    const found = new Float64Array(this.heads);
    this.each(rows, (head, weightAt) => {
      let mass = 0;
      for (let at = 0; at < rows.length; at++) mass += weightAt(at);
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
      const { cache, p, own, first, dropped } = this.of(head);
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
      for (const { from, to, row } of inOrder(cache.pieces(), dropped)) {
        if (from === undefined) {
          // All weigh the same, and the first of them count.
          const weight = Math.fround((p[own + 1] ?? 0) / dropped.count);
          for (let each = row; each < Math.min(to, row + topKeys); each++) {
            if (count < topKeys || weight > least) offer(weight, each);
          }
          continue;
        }
        for (let place = from; place < to; place++) {
          const weight = p[first + place] ?? 0;
          if (count < topKeys || weight > least) offer(weight, row + place - from);
        }
      }
      const weight = p[own] ?? 0;
      if (count < topKeys || weight > least) offer(weight, cache.next);
    }
    return { weights, keys, heads, k: topKeys };
  }

  /** A head: where its numbers begin in `p`, with that of its own row; behind it that of a mean, and those of the cache from `first` on. */
  private of(head: number): {
    readonly g: number;
    readonly cache: HeadCache;
    readonly p: Float32Array;
    readonly own: number;
    readonly first: number;
    readonly dropped: Dropped;
  } {
    const g = Math.floor(head / this.group);
    const [cache, p, dropped] = [this.caches[g], this.probabilities[g], this.dropped[g]];
    if (!cache || !p || !dropped) throw new RangeError(`the layer has ${this.heads} heads, not ${head + 1}`);
    const own = (head % this.group) * (this.before + cache.length);
    return { g, cache, p, own, first: own + this.before, dropped };
  }

  /** For each head what the keys at the rows named weigh: 0 where none is read. */
  private each(rows: ArrayLike<number>, use: (head: number, weightAt: (at: number) => number) => void): void {
    const columns = new Int32Array(rows.length);
    this.caches.forEach((cache, g) => {
      const { count, ranges } = this.dropped[g] ?? none;
      for (let each = 0; each < columns.length; each++) {
        const row = rows[each] ?? -1;
        const place = row < 0 ? -1 : cache.placeOf(row);
        if (place >= 0) columns[each] = this.before + place;
        else if (row === cache.next) columns[each] = 0;
        else columns[each] = ranges.some(({ start, end }) => row >= start && row < end) ? spread : -1;
      }
      for (let head = g * this.group; head < (g + 1) * this.group; head++) {
        const { p, own } = this.of(head);
        const even = (p[own + 1] ?? 0) / count;
        use(head, (at) => {
          const column = columns[at] ?? -1;
          return column >= 0 ? (p[own + column] ?? 0) : column === spread ? even : 0;
        });
      }
    });
  }
}

/** Column of a row that is read through the mean. */
const spread = -2;

/** Rows that are read through a mean. */
interface Dropped {
  readonly count: number;
  readonly ranges: readonly Range[];
  /** Mean of their rows. */
  readonly positions: number;
}

const none: Dropped = { count: 0, ranges: [], positions: 0 };

const droppedOf = (cache: HeadCache): Dropped => {
  const { count = 0 } = cache.mean ?? {};
  if (count === 0) return none;
  const ranges = cache.gaps();
  const sum = ranges.reduce((total, { start, end }) => total + ((end - start) * (start + end - 1)) / 2, 0);
  return { count, ranges, positions: sum / count };
};

/** Pieces of a cache and, without `from`, the ranges [row, to) that its mean stands for: as the rows follow each other. */
const inOrder = (
  pieces: ReturnType<HeadCache['pieces']>,
  { ranges }: Dropped,
): readonly { readonly from?: number; readonly to: number; readonly row: number }[] =>
  ranges.length === 0
    ? pieces
    : [...pieces, ...ranges.map(({ start, end }) => ({ row: start, to: end }))].sort((a, b) => a.row - b.row);
