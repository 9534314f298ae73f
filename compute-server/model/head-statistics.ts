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
import type { RuntimeArray, RuntimeValues } from '../runtime/session';

export const localWindow = 16;
const occurrences = 4;

/** Columns of key_columns: key position, then the groups, then the blocks of the thumbnail. */
const fixedColumns = 1;
/** Rows of query_rows: all queries, then those that count for each group, then the blocks of the thumbnail. */
const fixedRows = 1;
/** Rows and columns of a head's picture. */
export const thumbnailSize = 32;
/** Columns of key_picks: itself, previous, the rest of the window, induction targets, earlier occurrences, position 0. */
const pickCount = 2 + (localWindow - 2) + 2 * occurrences + 1;
const firstSlot = pickCount - 1;

export interface KeyGroup {
  readonly name: string;
  /** Token positions. */
  readonly positions: readonly number[];
}

export interface HeadNumbers {
  readonly previousToken: number[];
  readonly firstToken: number[];
  readonly selfToken: number[];
  readonly entropy: number[];
  readonly meanDistance: number[];
  readonly localWindow: number[];
  readonly induction: number[];
  readonly duplicateToken: number[];
  /**
   * Upper bound of the variance that `previousToken`, `firstToken`, `selfToken` and `localWindow` would have, were the
   * probabilities of each row dealt to its readable keys in random order (a null model for scores of position).
   */
  readonly permutation: {
    readonly mean: PermutationMeans;
    readonly variance: Readonly<Record<PositionalName, number[]>>;
  };
  /** By group name. */
  readonly groups: Readonly<Record<string, number[]>>;
}

export const positionalNames = ['previousToken', 'firstToken', 'selfToken', 'localWindow'] as const;
export type PositionalName = (typeof positionalNames)[number];
export type PermutationMeans = Readonly<Record<PositionalName, number>>;

/** For each position, the positions of the earlier occurrences of its token, latest first. */
export function earlierOccurrences(ids: readonly number[]): readonly (readonly number[])[] {
  const seen = new Map<number, number[]>();
  return ids.map((id, position) => {
    const before = seen.get(id) ?? [];
    seen.set(id, [position, ...before].slice(0, occurrences));
    return before;
  });
}

/**
 * Token positions picked for each query, by slot, -1 where there is none: built once for a prompt and read by every layer.
 */
export class PickTable {
  /** [positions, pickCount] */
  readonly keys: Int32Array;

  constructor(
    readonly earlier: readonly (readonly number[])[],
    /** Position of the first row. */
    readonly start = 0,
  ) {
    const rows = earlier.length - start;
    this.keys = new Int32Array(rows * pickCount).fill(-1);
    for (let row = 0; row < rows; row++) {
      const position = start + row;
      const base = row * pickCount;
      const before = earlier[position] ?? [];
      for (let back = 0; back < localWindow; back++) this.keys[base + back] = Math.max(-1, position - back);
      before.slice(0, occurrences).forEach((target, slot) => {
        // The token after an occurrence just before is the query itself: no induction target.
        if (target + 1 !== position) this.keys[base + localWindow + slot] = target + 1;
        this.keys[base + localWindow + occurrences + slot] = target;
      });
      this.keys[base + firstSlot] = 0;
    }
  }
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

  /** `firstKey` is the token position of key 0 of this layer's keys. */
  feeds(start: number, length: number, firstKey: number, keys: number): Record<string, RuntimeArray> {
    const columns = this.columns();
    const data = new Float32Array(keys * columns);
    const blocks = fixedColumns + this.groups.length;
    for (let key = 0; key < keys; key++) {
      data[key * columns] = firstKey + key;
      if (this.picture) data[key * columns + blocks + this.block(firstKey + key)] = 1;
    }
    this.groups.forEach((group, g) => {
      for (const position of group.positions) {
        const key = position - firstKey;
        if (key >= 0 && key < keys) data[key * columns + fixedColumns + g] = 1;
      }
    });
    // A pick that this layer does not hold names key 0; `add` drops it.
    const from = (start - this.picks.start) * pickCount;
    const picks = this.picks.keys.slice(from, from + length * pickCount);
    for (let i = 0; i < picks.length; i++) picks[i] = Math.max(0, (picks[i] ?? 0) - firstKey);
    return {
      use_statistics: { data: new Uint8Array([1]), shape: [] },
      key_columns: { data, shape: [keys, columns] },
      key_picks: { data: picks, shape: [length, pickCount] },
      query_rows: this.queryRows(start, length),
    };
  }

  /** Takes what the graph gave for the chunk of queries that `feeds` asked for. */
  add(start: number, length: number, firstKey: number, values: RuntimeValues): void {
    const mass = floats(values, 'statistics.mass');
    const at = floats(values, 'statistics.at');
    const entropy = floats(values, 'statistics.entropy');
    const largest = floats(values, 'statistics.largest');
    this.addPooled(start, mass);
    for (let i = 0; i < length; i++) {
      const position = start + i;
      const repeated = (this.picks.earlier[position]?.length ?? 0) > 0;
      this.counts.all++;
      if (position > 0) this.counts.afterFirst++;
      if (repeated) this.counts.repeated++;
      // Keys that the row reads: a window layer holds fewer.
      const readable = Math.max(position + 1, this.prefix) - firstKey;
      const local = Math.min(localWindow, readable);
      this.nullMeans.selfToken += 1 / readable;
      this.nullMeans.localWindow += local / readable;
      if (position > 0) {
        this.nullMeans.previousToken += 1 / readable;
        this.nullMeans.firstToken += firstKey === 0 ? 1 / readable : 0;
      }
      if (this.drawn !== undefined)
        this.blockRows[this.block(position)] = (this.blockRows[this.block(position)] ?? 0) + 1;
      const grouped = this.firstOfGroups.map((first) => position >= first);
      grouped.forEach((counts, g) => {
        if (counts) this.counts.groups[g] = (this.counts.groups[g] ?? 0) + 1;
      });
    }
    this.addRows(start, length, firstKey, at, entropy, largest);
  }

  /** The sums of each head over the rows; written out, because it runs once per query, head and layer. */
  private addRows(
    start: number,
    length: number,
    firstKey: number,
    at: Float32Array,
    entropy: Float32Array,
    largest: Float32Array,
  ): void {
    const { keys } = this.picks;
    const from = (start - this.picks.start) * pickCount;
    const held = new Uint8Array(length * pickCount);
    for (let i = 0; i < held.length; i++) held[i] = (keys[from + i] ?? -1) >= firstKey ? 1 : 0;
    const sums = new Float64Array(8);
    for (let head = 0; head < this.heads; head++) {
      sums.fill(0);
      for (let i = 0; i < length; i++) {
        const position = start + i;
        const base = i * pickCount;
        const row = head * length + i;
        const values = row * pickCount;
        const pick = (slot: number): number => (held[base + slot] === 1 ? (at[values + slot] ?? 0) : 0);
        let local = 0;
        for (let slot = 0; slot < localWindow; slot++) local += pick(slot);
        if (position > 0) {
          sums[0] = (sums[0] ?? 0) + pick(1);
          sums[1] = (sums[1] ?? 0) + pick(firstSlot);
        }
        sums[2] = (sums[2] ?? 0) + pick(0);
        // A difference of two equal numbers where the row is certain: rounding may leave it a hair below 0.
        sums[3] = (sums[3] ?? 0) + Math.max(0, entropy[row] ?? 0);
        sums[4] = (sums[4] ?? 0) + position;
        sums[5] = (sums[5] ?? 0) + local;
        for (let slot = localWindow; slot < localWindow + occurrences; slot++) {
          sums[6] = (sums[6] ?? 0) + pick(slot);
          sums[7] = (sums[7] ?? 0) + pick(slot + occurrences);
        }
        const readable = Math.max(position + 1, this.prefix) - firstKey;
        this.addVariances(head, position, readable, Math.min(localWindow, readable), largest[row] ?? 1);
      }
      sums.forEach((sum, slot) => this.put(head, slot, sum));
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

  private block(position: number): number {
    const length = this.drawn ?? 1;
    return length <= thumbnailSize
      ? Math.min(position, thumbnailSize - 1)
      : Math.min(thumbnailSize - 1, Math.floor((position * thumbnailSize) / length));
  }

  private put(head: number, slot: number, number: number): void {
    const at = head * this.perHead + slot;
    this.sums[at] = (this.sums[at] ?? 0) + number;
  }

  private queryRows(start: number, length: number): RuntimeArray {
    const first = this.block(start);
    const blocks = this.picture ? this.block(start + length - 1) - first + 1 : 0;
    const rows = fixedRows + this.groups.length + blocks;
    const data = new Float32Array(rows * length).fill(1, 0, length);
    for (let i = 0; i < length; i++) {
      this.groups.forEach((group, g) => {
        if (counts(group, start + i)) data[(fixedRows + g) * length + i] = 1;
      });
      if (blocks > 0) data[(fixedRows + this.groups.length + this.block(start + i) - first) * length + i] = 1;
    }
    return { data, shape: [rows, length] };
  }

  /** `mass` [1, heads, rows, columns] of the chunk. */
  private addPooled(start: number, mass: Float32Array): void {
    const columns = this.columns();
    const rows = mass.length / (this.heads * columns);
    const groups = this.groups.length;
    const first = this.block(start);
    for (let head = 0; head < this.heads; head++) {
      const at = (row: number, column: number): number => mass[(head * rows + row) * columns + column] ?? 0;
      // The sum of the positions read; the queries' own positions have been added.
      this.put(head, 4, -at(0, 0));
      for (let g = 0; g < groups; g++) this.put(head, 8 + g, at(fixedRows + g, fixedColumns + g));
      if (!this.picture) continue;
      for (let row = fixedRows + groups; row < rows; row++) {
        const to = (head * thumbnailSize + first + row - fixedRows - groups) * thumbnailSize;
        for (let block = 0; block < thumbnailSize; block++) {
          this.picture[to + block] = (this.picture[to + block] ?? 0) + at(row, fixedColumns + groups + block);
        }
      }
    }
  }

  /**
   * Dealt at random to m readable keys, the mass on k of them has the mean k/m and the variance
   * k (m-k) / (m (m-1)) (sum p^2 - 1/m); sum p^2 is at most the largest p, which is what is used.
   */
  private addVariances(head: number, position: number, readable: number, local: number, largest: number): void {
    const spread = Math.max(0, largest - 1 / readable);
    const variance = (keys: number): number =>
      readable < 2 ? 0 : ((keys * (readable - keys)) / (readable * (readable - 1))) * spread;
    const one = variance(1);
    const put = (slot: number, value: number): void => {
      const at = head * positionalNames.length + slot;
      this.variances[at] = (this.variances[at] ?? 0) + value;
    };
    if (position > 0) {
      put(0, one);
      put(1, one);
    }
    put(2, one);
    put(3, variance(local));
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

function floats(values: RuntimeValues, name: string): Float32Array {
  const value = values[name]?.data;
  if (!(value instanceof Float32Array)) throw new TypeError(`the layer gave no "${name}"`);
  return value;
}

/** Queries before a group's first key cannot read it and do not count. */
const counts = (group: KeyGroup, position: number): boolean => position >= (group.positions[0] ?? Infinity);
