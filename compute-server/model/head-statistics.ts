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
 * - groups: mean over the queries after the group's first key of the mass on the group's keys
 */
import type { RuntimeArray, RuntimeValues } from '../runtime/session';

export const localWindow = 16;
const occurrences = 4;

/** Columns of key_columns: first token, key position, then the groups. */
const fixedColumns = 2;
/** Rows and columns of a head's picture. */
export const thumbnailSize = 32;
/** Columns of key_picks: itself, previous, the rest of the local window, induction targets, earlier occurrences. */
const pickCount = 2 + (localWindow - 2) + 2 * occurrences;

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

  constructor(
    private readonly heads: number,
    private readonly earlier: readonly (readonly number[])[],
    private readonly groups: readonly KeyGroup[],
    /** Positions of the prompt; draws the thumbnail when given. */
    private readonly drawn: number | undefined = undefined,
    /** Every query reads every key (the prompt is then one chunk). */
    private readonly bidirectional = false,
  ) {
    this.perHead = 8 + groups.length;
    this.sums = new Float64Array(heads * this.perHead);
    this.variances = new Float64Array(heads * positionalNames.length);
    this.picture = drawn === undefined ? undefined : new Float32Array(heads * thumbnailSize * thumbnailSize);
    this.blockRows = new Float64Array(thumbnailSize);
    this.counts.groups = groups.map(() => 0);
  }

  /** `firstKey` is the token position of key 0 of this layer's keys. */
  feeds(start: number, length: number, firstKey: number, keys: number): Record<string, RuntimeArray> {
    const columns = this.columns();
    const data = new Float32Array(keys * columns);
    for (let key = 0; key < keys; key++) {
      data[key * columns] = firstKey + key === 0 ? 1 : 0;
      data[key * columns + 1] = firstKey + key;
    }
    this.groups.forEach((group, g) => {
      for (const position of group.positions) {
        const key = position - firstKey;
        if (key >= 0 && key < keys) data[key * columns + fixedColumns + g] = 1;
      }
    });
    const picks = new BigInt64Array(length * pickCount);
    for (let i = 0; i < length; i++) {
      this.picksOf(start + i).forEach((position, slot) => {
        const key = position === undefined ? -1 : position - firstKey;
        picks[i * pickCount + slot] = BigInt(Math.max(0, key));
      });
    }
    return {
      use_statistics: { data: new Uint8Array([1]), shape: [] },
      key_columns: { data, shape: [keys, columns] },
      key_picks: { data: picks, shape: [length, pickCount] },
      ...this.pictureFeeds(start, length, firstKey, keys),
    };
  }

  add(start: number, length: number, firstKey: number, values: RuntimeValues): void {
    const mass = floats(values, 'statistics.mass');
    const at = floats(values, 'statistics.at');
    const entropy = floats(values, 'statistics.entropy');
    const largest = floats(values, 'statistics.largest');
    const columns = this.columns();
    this.addPicture(start, values);
    for (let i = 0; i < length; i++) {
      const position = start + i;
      const picks = this.picksOf(position);
      const repeated = (this.earlier[position]?.length ?? 0) > 0;
      this.counts.all++;
      if (position > 0) this.counts.afterFirst++;
      if (repeated) this.counts.repeated++;
      // Keys that the row reads: a window layer holds fewer.
      const readable = this.bidirectional ? length : position + 1 - firstKey;
      const local = Math.min(localWindow, readable);
      this.nullMeans.selfToken += 1 / readable;
      this.nullMeans.localWindow += local / readable;
      if (position > 0) {
        this.nullMeans.previousToken += 1 / readable;
        this.nullMeans.firstToken += firstKey === 0 ? 1 / readable : 0;
      }
      if (this.drawn !== undefined)
        this.blockRows[this.block(position)] = (this.blockRows[this.block(position)] ?? 0) + 1;
      const grouped = this.groups.map((group) => position >= (group.positions[0] ?? Infinity));
      grouped.forEach((counts, g) => {
        if (counts) this.counts.groups[g] = (this.counts.groups[g] ?? 0) + 1;
      });
      for (let head = 0; head < this.heads; head++) {
        const row = head * length + i;
        const pick = (slot: number): number => {
          const key = picks[slot];
          return key === undefined || key < firstKey ? 0 : (at[row * pickCount + slot] ?? 0);
        };
        const sum = (from: number, count: number): number => {
          let total = 0;
          for (let slot = from; slot < from + count; slot++) total += pick(slot);
          return total;
        };
        const own = pick(0);
        const previous = pick(1);
        const base = head * this.perHead;
        const put = (slot: number, number: number): void => {
          this.sums[base + slot] = (this.sums[base + slot] ?? 0) + number;
        };
        if (position > 0) {
          put(0, previous);
          put(1, mass[row * columns] ?? 0);
        }
        put(2, own);
        put(3, entropy[row] ?? 0);
        put(4, position - (mass[row * columns + 1] ?? 0));
        put(5, own + previous + sum(2, localWindow - 2));
        if (repeated) {
          put(6, sum(localWindow, occurrences));
          put(7, sum(localWindow + occurrences, occurrences));
        }
        this.addVariances(head, position, readable, local, largest[row] ?? 1);
        grouped.forEach((counts, g) => {
          if (counts) put(8 + g, mass[row * columns + fixedColumns + g] ?? 0);
        });
      }
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
    return fixedColumns + this.groups.length;
  }

  private block(position: number): number {
    const length = this.drawn ?? 1;
    return length <= thumbnailSize
      ? Math.min(position, thumbnailSize - 1)
      : Math.min(thumbnailSize - 1, Math.floor((position * thumbnailSize) / length));
  }

  /** Blocks of queries that the chunk touches, and blocks of keys. */
  private pictureFeeds(start: number, length: number, firstKey: number, keys: number): Record<string, RuntimeArray> {
    if (!this.picture) return noPicture(length, keys);
    const first = this.block(start);
    const rows = this.block(start + length - 1) - first + 1;
    const queryBlocks = new Float32Array(rows * length);
    for (let i = 0; i < length; i++) queryBlocks[(this.block(start + i) - first) * length + i] = 1;
    const keyBlocks = new Float32Array(keys * thumbnailSize);
    for (let key = 0; key < keys; key++) keyBlocks[key * thumbnailSize + this.block(firstKey + key)] = 1;
    return {
      query_blocks: { data: queryBlocks, shape: [rows, length] },
      key_blocks: { data: keyBlocks, shape: [keys, thumbnailSize] },
    };
  }

  private addPicture(start: number, values: RuntimeValues): void {
    if (!this.picture) return;
    const part = floats(values, 'statistics.picture');
    const first = this.block(start);
    const each = part.length / this.heads;
    for (let head = 0; head < this.heads; head++) {
      const to = head * thumbnailSize * thumbnailSize + first * thumbnailSize;
      for (let i = 0; i < each; i++) this.picture[to + i] = (this.picture[to + i] ?? 0) + (part[head * each + i] ?? 0);
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

  /** Token positions picked for a query, by slot; undefined where there is none. */
  private picksOf(position: number): readonly (number | undefined)[] {
    const before = this.earlier[position] ?? [];
    const back = (distance: number): number | undefined => (position >= distance ? position - distance : undefined);
    return [
      position,
      back(1),
      ...Array.from({ length: localWindow - 2 }, (_, i) => back(i + 2)),
      // The token after an occurrence; after an occurrence just before, that is the query itself: no induction target.
      ...Array.from({ length: occurrences }, (_, i) => {
        const target = before[i];
        return target === undefined || target + 1 === position ? undefined : target + 1;
      }),
      ...Array.from({ length: occurrences }, (_, i) => before[i]),
    ];
  }
}

function floats(values: RuntimeValues, name: string): Float32Array {
  const value = values[name]?.data;
  if (!(value instanceof Float32Array)) throw new TypeError(`the layer gave no "${name}"`);
  return value;
}

/** Inputs of a picture that nobody wants. */
export const noPicture = (length: number, keys: number): Record<string, RuntimeArray> => ({
  query_blocks: { data: new Float32Array(0), shape: [0, length] },
  key_blocks: { data: new Float32Array(0), shape: [keys, 0] },
});
