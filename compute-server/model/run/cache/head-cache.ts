/**
 * Keys and values of one key/value head of one layer, or of all its heads side by side, in buffers of their own: a row of d (or g d)
 * numbers for each position held, which goes into a step graph as it lies. Keys are rotated, so the order of the rows is free: where the oldest leaves as one comes,
 * the new row takes its place.
 *
 * In front lie rows that are never dropped, in runs (attention sinks, chosen positions); behind them the newest rows without a
 * gap, the first of which in a ring. Positions are rows of the sequence.
 *
 * Where the value of a position is its key (latent attention), both are one buffer, until a value comes that differs.
 */

import type { Range } from '../../../../protocol/schema/written-form';
import type { RuntimeArray } from '../../../runtime/session';

/** Rows [start, end) of the sequence that lie in order from `place` on. */
interface Run extends Range {
  readonly place: number;
}

export class HeadCache {
  private keys: Float32Array;
  private values: Float32Array;
  private held = 0;
  private pinned: Run[] = [];
  /** Rows of the runs in front. */
  private front = 0;
  /** The oldest of the rows behind them. */
  private tail: number;
  /** The first `ring` rows of the tail are in order from its row `oldest` on, around their end; those behind are newer, in order. */
  private ring = 0;
  private oldest = 0;
  /** Row of the sequence that comes next. */
  private following: number;
  /** Mean of the dropped rows, where the head reads it. */
  readonly mean: DroppedMean | undefined;

  constructor(
    private readonly width: number,
    {
      room = 0,
      first = 0,
      mean = false,
      single = false,
    }: {
      /** Rows to make room for. */
      readonly room?: number;
      /** Row of the sequence of the first position. */
      readonly first?: number;
      readonly mean?: boolean;
      /** Values are keys. */
      readonly single?: boolean;
    } = {},
  ) {
    this.keys = new Float32Array(room * width);
    this.values = single ? this.keys : new Float32Array(room * width);
    this.tail = this.following = first;
    if (mean) this.mean = new DroppedMean(width);
  }

  /** Over rows that lie in order from `first` on, in buffers that are handed over. */
  static over(width: number, first: number, rows: number, keys: Float32Array, values: Float32Array): HeadCache {
    const cache = new HeadCache(width, { first });
    cache.keys = keys;
    cache.values = values;
    cache.held = rows;
    cache.following = first + rows;
    return cache;
  }

  /** Rows held. */
  get length(): number {
    return this.held;
  }

  /** Row of the sequence that comes next. */
  get next(): number {
    return this.following;
  }

  get key(): RuntimeArray {
    return this.array(this.keys);
  }

  get value(): RuntimeArray {
    return this.array(this.values);
  }

  /** Whether every value so far is its key. */
  get single(): boolean {
    return this.values === this.keys;
  }

  /** Bytes of the held rows, a mean counted as one row, and of the buffers. */
  get bytes(): { readonly used: number; readonly allocated: number } {
    const rows = this.held + (this.mean && this.mean.count > 0 ? 1 : 0);
    return {
      used: (this.single ? 4 : 8) * rows * this.width,
      allocated: this.buffers.reduce((sum, { byteLength }) => sum + byteLength, this.mean?.allocated ?? 0),
    };
  }

  /** One position more: a row of d numbers each. */
  append(key: Float32Array, value: Float32Array): void {
    const at = this.held * this.width;
    if (this.single && !sameNumbers(key, value)) this.values = this.keys.slice();
    if (at + this.width > this.keys.length) {
      // Growth by half, so that rows are copied a bounded number of times.
      const capacity = Math.max(8 * this.width, Math.ceil(this.held * 1.5) * this.width);
      const { single } = this;
      this.keys = grown(this.keys, at, capacity);
      this.values = single ? this.keys : grown(this.values, at, capacity);
    }
    this.keys.set(key, at);
    if (!this.single) this.values.set(value, at);
    this.held++;
    this.following++;
  }

  /** One position more that is not held: before any was dropped or forgotten behind the last one passed over. */
  pass(key: Float32Array, value: Float32Array): void {
    this.mean?.add(key, value);
    this.pin();
    this.following++;
    this.tail = this.following;
  }

  /** Drops the rows in ranges that rise, into the mean where there is one; those in front are never dropped. */
  drop(ranges: readonly Range[]): void {
    const gaps = ranges.filter(({ start, end }) => start < end && end > this.tail && start < this.following);
    const [first, ...more] = gaps;
    if (!first) return;
    if (more.length === 0 && first.start <= this.tail) {
      const end = Math.min(first.end, this.following);
      if (this.mean) {
        for (let row = this.tail; row < end; row++) {
          const { key, value } = this.rowAt(this.placeInTail(row));
          this.mean.add(key, value);
        }
      }
      this.shed(end - this.tail);
      return;
    }
    // The tail is written again, over itself: a row moves to its own place or forwards.
    this.straighten();
    const { tail, following, front } = this;
    this.held = front;
    this.following = tail;
    let gap = 0;
    for (let row = tail; row < following; row++) {
      const { key, value } = this.rowAt(front + row - tail);
      while (row >= (gaps[gap]?.end ?? Infinity)) gap++;
      if (row >= (gaps[gap]?.start ?? Infinity)) this.pass(key, value);
      else this.append(key, value);
    }
  }

  /** Forgets all rows before `first`, of which no mean is kept (a window of the model's own). */
  trim(first: number): void {
    if (this.pinned.some(({ start }) => start < first)) {
      const left = this.pinned
        .filter(({ end }) => end > first)
        .map(({ start, end }) => ({ start: Math.max(start, first), end }));
      const rows = left.reduce((sum, { start, end }) => sum + end - start, 0);
      const gone = this.front - rows;
      for (const data of this.buffers) data.copyWithin(0, gone * this.width, this.held * this.width);
      this.held -= gone;
      this.front = 0;
      this.pinned = left.map(({ start, end }) => {
        const place = this.front;
        this.front += end - start;
        return { start, end, place };
      });
    }
    if (first > this.tail) this.shed(Math.min(first, this.following) - this.tail);
  }

  /** Key and value of a row of the sequence that is held. */
  rowOf(row: number): { readonly key: Float32Array; readonly value: Float32Array } {
    const place = this.placeOf(row);
    if (place < 0) throw new RangeError(`row ${row} is not held`);
    return this.rowAt(place);
  }

  /** Place of a row of the sequence among the rows as they lie; -1: it is not held. */
  placeOf(row: number): number {
    if (row >= this.tail) return row < this.following ? this.placeInTail(row) : -1;
    let [low, high] = [0, this.pinned.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (row < (this.pinned[middle]?.end ?? 0)) high = middle;
      else low = middle + 1;
    }
    const run = this.pinned[low];
    return run && row >= run.start ? run.place + row - run.start : -1;
  }

  /** Pieces in which the rows lie in order, oldest first: places [from, to), of which the first is row `row` of the sequence. */
  pieces(): readonly { readonly from: number; readonly to: number; readonly row: number }[] {
    const { front, oldest, ring, held, tail } = this;
    const before = this.pinned.map(({ start, end, place }) => ({ from: place, to: place + end - start, row: start }));
    if (oldest === 0) return [...before, { from: front, to: held, row: tail }];
    return [
      ...before,
      { from: front + oldest, to: front + ring, row: tail },
      { from: front, to: front + oldest, row: tail + ring - oldest },
      { from: front + ring, to: held, row: tail + ring },
    ];
  }

  /** Rows of the sequence from 0 on that are not held. */
  gaps(): readonly Range[] {
    const found: Range[] = [];
    let start = 0;
    for (const run of [...this.pinned, { start: this.tail, end: this.following }]) {
      if (run.start > start) found.push({ start, end: run.start });
      start = run.end;
    }
    return found;
  }

  /** The tail is never dropped from now on; what comes next begins another one. */
  private pin(): void {
    if (this.following > this.tail) {
      this.pinned.push({ start: this.tail, end: this.following, place: this.front });
      this.front = this.held;
    }
  }

  /** Forgets the oldest rows of the tail. */
  private shed(count: number): void {
    const { front, width } = this;
    const keep = this.held - front - count;
    this.tail += count;
    if (count === 1 && keep > 0 && (this.oldest === 0 || this.ring === keep)) {
      const [to, from] = [(front + this.oldest) * width, (front + keep) * width];
      for (const data of this.buffers) data.copyWithin(to, from, from + width);
      this.ring = keep;
      this.oldest = (this.oldest + 1) % keep;
    } else {
      this.straighten();
      for (const data of this.buffers) {
        data.copyWithin(front * width, (front + count) * width, this.held * width);
      }
    }
    this.held -= count;
  }

  /** Each once. */
  private get buffers(): readonly Float32Array[] {
    return this.single ? [this.keys] : [this.keys, this.values];
  }

  private placeInTail(row: number): number {
    const at = row - this.tail;
    return this.front + (at < this.ring ? (this.oldest + at) % this.ring : at);
  }

  private rowAt(place: number): { readonly key: Float32Array; readonly value: Float32Array } {
    const [from, to] = [place * this.width, (place + 1) * this.width];
    return { key: this.keys.subarray(from, to), value: this.values.subarray(from, to) };
  }

  private straighten(): void {
    if (this.oldest !== 0) {
      const start = this.front * this.width;
      const turn = start + this.oldest * this.width;
      const end = start + this.ring * this.width;
      for (const data of this.buffers) {
        const first = data.slice(start, turn);
        data.copyWithin(start, turn, end);
        data.set(first, start + end - turn);
      }
      this.oldest = 0;
    }
    this.ring = 0;
  }

  private array(data: Float32Array): RuntimeArray {
    return { data: data.subarray(0, this.held * this.width), shape: [1, this.held, this.width] };
  }
}

export function sameNumbers(one: Float32Array, other: Float32Array): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

function grown(old: Float32Array, used: number, capacity: number): Float32Array {
  const next = new Float32Array(capacity);
  next.set(old.subarray(0, used));
  return next;
}

/**
 * The mean of the keys (as they are scored: rotated) and of the values that a head has dropped (RazorAttention's compensation
 * token, arXiv:2407.15891, section 3.3). Sums are kept in float64, so that rows that join one by one give the mean of all of
 * them: over a million rows a sum loses less than 1e-10 of what was added.
 */
export class DroppedMean {
  /** Rows that were taken in. */
  count = 0;
  private readonly keys: Float64Array;
  private readonly values: Float64Array;

  constructor(private readonly width: number) {
    this.keys = new Float64Array(width);
    this.values = new Float64Array(width);
  }

  get allocated(): number {
    return this.keys.byteLength + this.values.byteLength;
  }

  /** A row of d numbers each. */
  add(key: Float32Array, value: Float32Array): void {
    const { keys, values, width } = this;
    for (let i = 0; i < width; i++) {
      keys[i] = (keys[i] ?? 0) + (key[i] ?? 0);
      values[i] = (values[i] ?? 0) + (value[i] ?? 0);
    }
    this.count++;
  }

  /** [d] each; NaN before the first row. */
  means(): { readonly key: Float64Array; readonly value: Float64Array } {
    const of = (sums: Float64Array): Float64Array => sums.map((sum) => sum / this.count);
    return { key: of(this.keys), value: of(this.values) };
  }
}
