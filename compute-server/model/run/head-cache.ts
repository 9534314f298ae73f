/**
 * Keys and values of one key/value head of one layer in buffers of their own: a row of d numbers for each position held, which
 * goes into a step graph as it lies. Keys are rotated, so the order of the rows is free: where the oldest leaves as one comes,
 * the new row takes its place.
 */
import type { RuntimeArray } from '../../runtime/session';

export class HeadCache {
  private keys: Float32Array;
  private values: Float32Array;
  private held = 0;
  /** The first `ring` rows are in order from row `oldest` on, around their end; those behind them are newer and in order. */
  private ring = 0;
  private oldest = 0;

  constructor(
    private readonly width: number,
    /** Rows to make room for. */
    room = 0,
  ) {
    this.keys = new Float32Array(room * width);
    this.values = new Float32Array(room * width);
  }

  /** Rows held. */
  get length(): number {
    return this.held;
  }

  get key(): RuntimeArray {
    return this.array(this.keys);
  }

  get value(): RuntimeArray {
    return this.array(this.values);
  }

  /** Of what is held, and of the buffers. */
  get bytes(): { readonly used: number; readonly allocated: number } {
    return { used: 8 * this.held * this.width, allocated: this.keys.byteLength + this.values.byteLength };
  }

  /** One position more: a row of d numbers each. */
  append(key: Float32Array, value: Float32Array): void {
    const at = this.held * this.width;
    if (at + this.width > this.keys.length) {
      // Growth by half, so that rows are copied a bounded number of times.
      const capacity = Math.max(8 * this.width, Math.ceil(this.held * 1.5) * this.width);
      this.keys = grown(this.keys, at, capacity);
      this.values = grown(this.values, at, capacity);
    }
    this.keys.set(key, at);
    this.values.set(value, at);
    this.held++;
  }

  /** Forgets all but the newest `keep` rows. */
  trim(keep: number): void {
    const drop = this.held - keep;
    if (drop <= 0) return;
    if (drop === 1 && keep > 0 && (this.oldest === 0 || this.ring === keep)) {
      for (const data of [this.keys, this.values]) {
        data.copyWithin(this.oldest * this.width, keep * this.width, (keep + 1) * this.width);
      }
      this.ring = keep;
      this.oldest = (this.oldest + 1) % keep;
    } else {
      this.straighten();
      for (const data of [this.keys, this.values]) data.copyWithin(0, drop * this.width, this.held * this.width);
    }
    this.held = keep;
  }

  /** Row of the position that is `at` behind the oldest held. */
  rowOf(at: number): { readonly key: Float32Array; readonly value: Float32Array } {
    const row = this.placeOf(at);
    const [from, to] = [row * this.width, (row + 1) * this.width];
    return { key: this.keys.subarray(from, to), value: this.values.subarray(from, to) };
  }

  /** Place, among the rows as they lie, of the position that is `at` behind the oldest held. */
  placeOf(at: number): number {
    return at < this.ring ? (this.oldest + at) % this.ring : at;
  }

  /** Pieces in which the rows lie in order, oldest first: places [from, to), of which the first is `at` behind the oldest held. */
  pieces(): readonly { readonly from: number; readonly to: number; readonly at: number }[] {
    const { oldest, ring, held } = this;
    if (oldest === 0) return [{ from: 0, to: held, at: 0 }];
    return [
      { from: oldest, to: ring, at: 0 },
      { from: 0, to: oldest, at: ring - oldest },
      { from: ring, to: held, at: ring },
    ];
  }

  private straighten(): void {
    if (this.oldest === 0) return;
    const turn = this.oldest * this.width;
    const end = this.ring * this.width;
    for (const data of [this.keys, this.values]) {
      const first = data.slice(0, turn);
      data.copyWithin(0, turn, end);
      data.set(first, end - turn);
    }
    this.oldest = 0;
  }

  private array(data: Float32Array): RuntimeArray {
    return { data: data.subarray(0, this.held * this.width), shape: [1, this.held, this.width] };
  }
}

function grown(old: Float32Array, used: number, capacity: number): Float32Array {
  const next = new Float32Array(capacity);
  next.set(old.subarray(0, used));
  return next;
}
