/**
 * Statistics of heads over a prompt: what is asked of the graph for each chunk of queries, and how the rows that come back
 * become one number per head. T tokens, positions from 0, p(i, j) the probability that query i gives key j.
 *
 * - previousToken: mean over i = 1..T-1 of p(i, i-1)
 * - firstToken: mean over i = 1..T-1 of p(i, 0)
 * - selfToken: mean over all i of p(i, i)
 * - entropy: mean over all i of -sum_j p ln p, in nats
 * - meanDistance: mean over all i of sum_j p(i, j) (i - j), in tokens
 * - localWindow: mean over all i of the mass on keys i-15..i (16 tokens, own included)
 * - induction: mean over the queries whose token occurred before, of the mass on the tokens that followed its (at most 4
 *   latest) earlier occurrences (Olsson et al. 2022, "In-context learning and induction heads": prefix matching)
 * - duplicateToken: the same queries, mass on the earlier occurrences themselves
 * - groups: mean over the queries from the group's first key on of the mass on the group's keys
 *
 * NaN where no query counts (one token has no previous one; nothing is repeated); JSON writes it as null.
 */
import {
  type HeadNumbers,
  type PositionalName,
  positionalNames,
} from '../../../../diagnostics/model-runner/head-numbers';
import { positionAt, type KeyGroup, type Sequence } from '../../../../diagnostics/model-runner/sequence';
import type { AttentionSpec } from '../../../../models/architectures/attention-spec';
import { markedRows } from '../../../../models/architectures/marked-tokens';
import type { ModelSpec } from '../../../../models/architectures/model-spec';
import { topKeys } from '../../../../models/instrument/statistics';
import type { RuntimeArray, RuntimeValues } from '../../../runtime/session';
import {
  firstSlot,
  localWindow,
  occurrences,
  pickCount,
  type PickTable,
  blockOf,
  rowGroups,
  thumbnailSize,
  type RowGroups,
} from './statistics-layout';
import { flag, floats, int64 } from '../graphs/runtime-arrays';
import type { StepRow } from './step-row';

/** Columns of key_columns: key position, then the groups, then the blocks of the thumbnail. */
const fixedColumns = 1;

/** Sums over the queries of a chunk, as `addStatistics` lays them out (of a batch of one). */
interface ChunkSums {
  readonly mass: ArrayLike<number>;
  readonly picked: ArrayLike<number>;
  readonly entropy: ArrayLike<number>;
  readonly spread: ArrayLike<number>;
}

/**
 * Which keys the queries of a layer read: those of their last `size` positions, or those nearer than that on either side, and marked ones;
 * marked queries read all.
 */
export interface Window {
  readonly size: number;
  readonly around: boolean;
  readonly chunked: boolean;
  /** Ascending. */
  readonly marked: readonly number[];
  readonly sequence: Pick<Sequence, 'ids' | 'positions'>;
}

export function windowOf(
  { window, chunked, around, projection }: AttentionSpec,
  sequence: Pick<Sequence, 'ids' | 'positions'>,
  marks: ModelSpec['marks'],
): Window | undefined {
  const size = window ?? around;
  if (size === undefined) return undefined;
  const marked = marks && projection.kind === 'marked' ? markedRows(marks, sequence.ids) : [];
  return { size, around: around !== undefined, chunked: chunked === true, marked, sequence };
}

/** Collects one layer's statistics over the chunks of a prompt (variant 0 of the batch). */
export class StatisticsCollector {
  private readonly sums: Float64Array;
  /** Sums of row variances under random dealing, [head][positional name]. */
  private readonly variances: Float64Array;
  private readonly nullMeans: Record<PositionalName, number> = {
    previousToken: 0,
    firstToken: 0,
    selfToken: 0,
    localWindow: 0,
  };
  private readonly picture: Float32Array | undefined;
  private readonly blockRows: Float64Array;
  private readonly counts = { all: 0, afterFirst: 0, repeated: 0, groups: [] as number[] };
  private readonly perHead: number;
  private readonly firstOfGroups: readonly number[];

  constructor(
    private readonly heads: number,
    private readonly picks: PickTable,
    private readonly groups: readonly KeyGroup[],
    /** Positions of the prompt; draws the thumbnail when given. */
    private readonly drawn: number | undefined = undefined,
    /** The first rows, which read each other in both directions (they are in one chunk). */
    private readonly prefix = 0,
    private readonly window: Window | undefined = undefined,
  ) {
    this.perHead = 8 + groups.length;
    this.sums = new Float64Array(heads * this.perHead);
    this.variances = new Float64Array(heads * positionalNames.length);
    this.picture = drawn === undefined ? undefined : new Float32Array(heads * thumbnailSize * thumbnailSize);
    this.blockRows = new Float64Array(thumbnailSize);
    this.counts.groups = groups.map(() => 0);
    this.firstOfGroups = groups.map(({ positions }) =>
      positions.reduce((first, each) => Math.min(first, each), Infinity),
    );
  }

  /** `firstKey` is the token position of key 0 of this layer's keys, `batch` the variants of the run. */
  feeds(start: number, length: number, firstKey: number, keys: number, batch = 1): Record<string, RuntimeArray> {
    const plan = this.plan(start, length);
    const { floor, weights } = this.picks.once(this.spreadName(firstKey, start, length), () =>
      this.spreadRows(start, length, firstKey),
    );
    return {
      use_statistics: flag(true),
      key_columns: this.keyColumns(firstKey, keys),
      ...this.pickFeeds(start, length, firstKey),
      segments: int64([batch, this.heads, plan.segments, length / plan.segments, keys], [5]),
      query_rows: { data: plan.weights, shape: [plan.segments, plan.rows, length / plan.segments] },
      row_floor: { data: floor, shape: [length] },
      row_weights: { data: weights, shape: [length, positionalNames.length] },
    };
  }

  /** Takes what the graph gave for the chunk of queries that `feeds` asked for. */
  add(start: number, length: number, firstKey: number, values: RuntimeValues): void {
    this.addSums(start, length, firstKey, {
      mass: floats(values, 'statistics.mass'),
      picked: floats(values, 'statistics.picked'),
      entropy: floats(values, 'statistics.entropy'),
      spread: floats(values, 'statistics.spread'),
    });
  }

  /** Takes row `start` of a text from its step graph, with the scores. Groups name each key once; no picture is drawn. */
  addRow(start: number, row: Pick<StepRow, 'first' | 'sums' | 'weightsOf' | 'massOn'>): void {
    const { heads, groups, picks } = this;
    const columns = this.columns();
    const sums = {
      mass: new Float64Array(heads * columns),
      picked: row.weightsOf(picks.keys.subarray((start - picks.start) * pickCount).subarray(0, pickCount)),
      entropy: new Float64Array(heads),
      spread: new Float64Array(heads * positionalNames.length),
    };
    // The first token has no other token that it could read.
    if (start === 0) for (let head = 0; head < heads; head++) sums.picked[head * pickCount + firstSlot] = 0;
    const spread = picks.once(this.spreadName(row.first, start, 1), () => this.spreadRows(start, 1, row.first));
    for (let head = 0; head < heads; head++) {
      const { positions, entropy, largest } = row.sums(head);
      sums.mass[head * columns] = positions;
      sums.entropy[head] = entropy;
      const above = Math.max(0, largest - (spread.floor[0] ?? 0));
      for (let at = 0; at < positionalNames.length; at++) {
        sums.spread[head * positionalNames.length + at] = above * (spread.weights[at] ?? 0);
      }
    }
    groups.forEach((group, g) => {
      row.massOn(group.positions).forEach((mass, head) => {
        sums.mass[head * columns + fixedColumns + g] = mass;
      });
    });
    this.addSums(start, 1, row.first, sums);
  }

  private addSums(start: number, length: number, firstKey: number, sums: ChunkSums): void {
    const { picked, entropy, spread } = sums;
    this.addPooled(start, length, sums.mass);
    let positions = 0;
    for (let i = 0; i < length; i++) {
      const position = start + i;
      positions += position;
      this.counts.all++;
      if (position > 0) this.counts.afterFirst++;
      if ((this.picks.earlier[position]?.length ?? 0) > 0) this.counts.repeated++;
      const { reads, readable, local } = this.reach(position, firstKey);
      this.nullMeans.selfToken += 1 / readable;
      this.nullMeans.localWindow += local / readable;
      if (position > 0) {
        this.nullMeans.previousToken += 1 / readable;
        this.nullMeans.firstToken += reads(0) ? 1 / readable : 0;
      }
      if (this.drawn !== undefined)
        this.blockRows[blockOf(position, this.drawn ?? 1)] =
          (this.blockRows[blockOf(position, this.drawn ?? 1)] ?? 0) + 1;
      this.firstOfGroups.forEach((first, g) => {
        if (position >= first) this.counts.groups[g] = (this.counts.groups[g] ?? 0) + 1;
      });
    }
    for (let head = 0; head < this.heads; head++) {
      const sum = (slot: number, count = 1): number => {
        let total = 0;
        for (let at = 0; at < count; at++) total += picked[head * pickCount + slot + at] ?? 0;
        return total;
      };
      this.put(head, 0, sum(1));
      this.put(head, 1, sum(firstSlot));
      this.put(head, 2, sum(0));
      this.put(head, 3, entropy[head] ?? 0);
      this.put(head, 4, positions);
      this.put(head, 5, sum(0, localWindow));
      this.put(head, 6, sum(localWindow, occurrences));
      this.put(head, 7, sum(localWindow + occurrences, occurrences));
      positionalNames.forEach((_, slot) => {
        const at = head * positionalNames.length + slot;
        this.variances[at] = (this.variances[at] ?? 0) + (spread[at] ?? 0);
      });
    }
  }

  numbers(): HeadNumbers {
    const column = (slot: number, count: number): number[] =>
      Array.from({ length: this.heads }, (_, head) =>
        count === 0 ? Number.NaN : (this.sums[head * this.perHead + slot] ?? 0) / count,
      );
    const { all, afterFirst, repeated, groups } = this.counts;
    return {
      previousToken: column(0, afterFirst),
      firstToken: column(1, afterFirst),
      selfToken: column(2, all),
      entropy: column(3, all),
      meanDistance: column(4, all),
      localWindow: column(5, all),
      induction: column(6, repeated),
      duplicateToken: column(7, repeated),
      permutation: this.permutation(),
      groups: Object.fromEntries(this.groups.map((group, g) => [group.name, column(8 + g, groups[g] ?? 0)])),
    };
  }

  /** [heads, groups]: mass on the keys of each group, summed over the queries from its first key on. */
  groupSums(): Float32Array {
    const { heads, groups, perHead, sums } = this;
    return Float32Array.from({ length: heads * groups.length }, (_, at) => {
      const head = Math.floor(at / groups.length);
      return sums[head * perHead + 8 + (at % groups.length)] ?? 0;
    });
  }

  /** [heads][size][size]: mean probability mass of a block of queries on a block of keys. */
  thumbnail(): Float32Array | undefined {
    return this.picture?.map((sum, at) => {
      const rows = this.blockRows[Math.floor(at / thumbnailSize) % thumbnailSize] ?? 0;
      return rows === 0 ? 0 : sum / rows;
    });
  }

  private columns(): number {
    return fixedColumns + this.groups.length + (this.picture ? thumbnailSize : 0);
  }

  private put(head: number, slot: number, number: number): void {
    const at = head * this.perHead + slot;
    this.sums[at] = (this.sums[at] ?? 0) + number;
  }

  /** Whether the row reads a key, how many it reads, and how many of them are inside the local window. */
  private reach(position: number, firstKey: number) {
    const { marked = [], sequence } = this.window ?? {};
    const all = marked.includes(position);
    const first = all ? firstKey : Math.max(firstKey, this.firstInWindow(position));
    const around = this.window?.around === true ? this.endAround(position) : Math.max(position + 1, this.prefix);
    const end = all ? (sequence?.ids.length ?? around) : around;
    const beside = marked.filter((key) => key < first || key >= end);
    const near = beside.filter((key) => key < first && key > position - localWindow).length;
    return {
      reads: (key: number): boolean => (key >= first && key < end) || beside.includes(key),
      readable: end - first + beside.length,
      local: Math.min(localWindow, position + 1 - first) + near,
    };
  }

  /** Keys are held for all rows of a chunk: the later ones of a window layer do not read the first of them. */
  private firstInWindow(row: number): number {
    if (!this.window) return 0;
    const { size, chunked, sequence } = this.window;
    const position = positionAt(sequence, row);
    const behind = chunked ? position - (position % size) - 1 : position - size;
    // Rows may leave positions out, so that a window holds fewer rows than positions.
    let first = Math.max(0, row - size + 1);
    while (first < row && positionAt(sequence, first) <= behind) first++;
    return first;
  }

  /** Behind the last row that is near enough. */
  private endAround(row: number): number {
    const { size = 0, sequence } = this.window ?? {};
    if (!sequence) return row + 1;
    let end = Math.min(sequence.ids.length, row + size);
    while (end > row + 1 && positionAt(sequence, end - 1) >= positionAt(sequence, row) + size) end--;
    return end;
  }

  private spreadName(firstKey: number, start: number, length: number): string {
    return `spread from key ${firstKey}, ${start}, ${length}, window ${this.window?.size ?? 'none'}, marked ${this.window?.marked.length ?? 0}`;
  }

  /** What the graph takes from the largest probability of each row, and what it multiplies the rest by. */
  private spreadRows(start: number, length: number, firstKey: number) {
    const floor = new Float32Array(length);
    const weights = new Float32Array(length * positionalNames.length);
    for (let i = 0; i < length; i++) {
      const { readable, local } = this.reach(start + i, firstKey);
      floor[i] = 1 / readable;
      const one = variancePerSpread(1, readable);
      const later = start + i > 0 ? one : 0;
      weights.set([later, later, one, variancePerSpread(local, readable)], i * positionalNames.length);
    }
    return { floor, weights };
  }

  /** A piece of the columns of all keys of the prompt: they are the same in every chunk and layer. */
  private keyColumns(firstKey: number, keys: number): RuntimeArray {
    const columns = this.columns();
    const behind = firstKey + keys;
    const held = Math.max(behind, this.picks.earlier.length);
    const all = this.picks.once(`columns of ${held} keys`, () => {
      const data = new Float32Array(held * columns);
      const blocks = fixedColumns + this.groups.length;
      for (let key = 0; key * columns < data.length; key++) {
        data[key * columns] = key;
        if (this.picture) data[key * columns + blocks + blockOf(key, this.drawn ?? 1)] = 1;
      }
      this.groups.forEach((group, g) => {
        for (const position of group.positions) data[position * columns + fixedColumns + g] = 1;
      });
      return data;
    });
    return { data: all.subarray(firstKey * columns, behind * columns), shape: [keys, columns] };
  }

  private pickFeeds(start: number, length: number, firstKey: number): Record<string, RuntimeArray> {
    const { keys, counts } = this.picks.once(`picks from key ${firstKey}, ${start}, ${length}`, () => {
      const from = (start - this.picks.start) * pickCount;
      const named = this.picks.keys.slice(from, from + length * pickCount);
      const counted = new Float32Array(named.length);
      for (let at = 0; at < named.length; at++) {
        const key = (named[at] ?? -1) - firstKey;
        named[at] = Math.max(0, key);
        counted[at] = key >= 0 ? 1 : 0;
      }
      // The first token has no other token that it could read.
      if (start === 0) counted[firstSlot] = 0;
      return { keys: named, counts: counted };
    });
    const shape = [length, pickCount];
    return { key_picks: { data: keys, shape }, pick_counts: { data: counts, shape } };
  }

  private plan(start: number, length: number): RowGroups {
    return this.picks.once(`rows ${start}, ${length}`, () => rowGroups(start, length, this.firstOfGroups, this.drawn));
  }

  /** `mass` [1, heads, segments, rows, columns] of the chunk. */
  private addPooled(start: number, length: number, mass: ArrayLike<number>): void {
    const { segments, rows, rowOfGroup, firstBlock, rowOfBlock, blocks } = this.plan(start, length);
    const columns = this.columns();
    const pictured = fixedColumns + this.groups.length;
    for (let head = 0; head < this.heads; head++) {
      const at = (segment: number, row: number, column: number): number =>
        mass[((head * segments + segment) * rows + row) * columns + column] ?? 0;
      for (let segment = 0; segment < segments; segment++) {
        // The sum of the positions read. The queries' own positions are added separately.
        this.put(head, 4, -at(segment, 0, 0));
        rowOfGroup.forEach((row, g) => {
          if (row !== undefined) this.put(head, 8 + g, at(segment, row, fixedColumns + g));
        });
      }
      if (!this.picture) continue;
      for (let b = 0; b < blocks; b++) {
        const [segment, row] = rowOfBlock === undefined ? [b, 0] : [0, rowOfBlock + b];
        const to = (head * thumbnailSize + firstBlock + b) * thumbnailSize;
        for (let key = 0; key < thumbnailSize; key++) {
          this.picture[to + key] = (this.picture[to + key] ?? 0) + at(segment, row, pictured + key);
        }
      }
    }
  }

  private permutation(): HeadNumbers['permutation'] {
    const { all, afterFirst } = this.counts;
    const rows = { previousToken: afterFirst, firstToken: afterFirst, selfToken: all, localWindow: all };
    const variance = (name: PositionalName, slot: number): number[] =>
      Array.from({ length: this.heads }, (_, head) => {
        const sum = this.variances[head * positionalNames.length + slot] ?? 0;
        // Variance of a mean of independent rows.
        return rows[name] === 0 ? Number.NaN : sum / rows[name] ** 2;
      });
    const mean = (name: PositionalName): number => (rows[name] === 0 ? Number.NaN : this.nullMeans[name] / rows[name]);
    return {
      mean: {
        previousToken: mean('previousToken'),
        firstToken: mean('firstToken'),
        selfToken: mean('selfToken'),
        localWindow: mean('localWindow'),
      },
      variance: {
        previousToken: variance('previousToken', 0),
        firstToken: variance('firstToken', 1),
        selfToken: variance('selfToken', 2),
        localWindow: variance('localWindow', 3),
      },
    };
  }
}

/**
 * Dealt at random to m readable keys, the mass on k of them has the mean k/m and the variance
 * k (m-k) / (m (m-1)) (sum p^2 - 1/m); sum p^2 is at most the largest p, which is what the graph puts in its place.
 */
const variancePerSpread = (keys: number, readable: number): number =>
  readable < 2 ? 0 : (keys * (readable - keys)) / (readable * (readable - 1));

/** Behind the queries of every chunk. */
const noQuery = 2 ** 31 - 1;

/**
 * Inputs of the ranking of `keys` keys: for each query of the chunk from `from` on; for none without it, and then no key
 * either: the runtime divides by zero where it ranks keys for no query (onnxruntime 1.30, cpu, 2026-11).
 */
export const ranked = (keys: number, from?: number): Record<string, RuntimeArray> => ({
  top_from: int64([from ?? noQuery], [1]),
  // The first chunk of a prompt may hold one key.
  top_count: int64([from === undefined ? 0 : Math.min(topKeys, keys)], [1]),
});

/** Inputs of the statistics branch when it is not taken: their sizes matter to no one. */
export const noStatistics = (keys: number, length: number): Record<string, RuntimeArray> => {
  const none = (...shape: readonly number[]): RuntimeArray => ({ data: new Float32Array(0), shape });
  return {
    use_statistics: flag(false),
    key_columns: none(keys, 0),
    key_picks: { data: new Int32Array(0), shape: [length, 0] },
    pick_counts: none(length, 0),
    segments: int64([0, 0, 0, 0, 0], [5]),
    query_rows: none(0, 0, 0),
    row_floor: { data: new Float32Array(length), shape: [length] },
    row_weights: none(length, 0),
  };
};
