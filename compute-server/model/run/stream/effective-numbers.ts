/**
 * What is measured of the effective attention E of a recurrence, chunk by chunk, while the rows of a chunk exist. T tokens, E(i, j) what
 * the value at j is multiplied with to give the output at i, of either sign; rows are not probabilities.
 *
 * - sum: mean over all i of sum_j E(i, j)
 * - size: mean over all i of sum_j |E(i, j)|
 * - negative: sum_ij |E(i, j)| where E is below 0, over that of all
 * - distance: sum_ij |E(i, j)| (i - j) over sum_ij |E(i, j)|, in tokens
 *
 * NaN where all of E is 0.
 */
import type { EffectiveNumbers } from '../../../../diagnostics/model-runner/head-numbers';
import type { RuntimeArray } from '../../../runtime/session';
import { blockOf, thumbnailSize } from './statistics-layout';

export class EffectiveCollector {
  private readonly sums: Float64Array;
  private readonly sizes: Float64Array;
  private readonly below: Float64Array;
  private readonly distances: Float64Array;
  /** Means over the rows of a block of the sums over the keys of a block, [heads][side][side]. */
  private readonly picture: Float32Array | undefined;
  private readonly blocks: Uint16Array;
  private readonly blockRows = new Float64Array(thumbnailSize);
  private rows = 0;

  constructor(
    private readonly heads: number,
    tokens: number,
    pictured: boolean,
  ) {
    [this.sums, this.sizes, this.below, this.distances] = [0, 0, 0, 0].map(() => new Float64Array(heads)) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    this.picture = pictured ? new Float32Array(heads * thumbnailSize ** 2) : undefined;
    this.blocks = Uint16Array.from({ length: tokens }, (_, position) => blockOf(position, tokens));
    for (const block of this.blocks) this.blockRows[block] = (this.blockRows[block] ?? 0) + 1;
  }

  /** Rows from `start` on of a matrix [b, heads, n, start + n], of variant 0. */
  add(start: number, { data, shape }: RuntimeArray): void {
    const [, , count = 0, keys = 0] = shape;
    if (!(data instanceof Float32Array)) throw new TypeError('effective attention is not float32');
    for (let head = 0; head < this.heads; head++) {
      let [sum, size, below, distance] = [0, 0, 0, 0];
      for (let row = 0; row < count; row++) {
        const from = (head * count + row) * keys;
        const query = start + row;
        const to = (head * thumbnailSize + (this.blocks[query] ?? 0)) * thumbnailSize;
        for (let key = 0; key <= query; key++) {
          const weight = data[from + key] ?? 0;
          const amount = Math.abs(weight);
          sum += weight;
          size += amount;
          if (weight < 0) below += amount;
          distance += amount * (query - key);
          if (this.picture) {
            const at = to + (this.blocks[key] ?? 0);
            this.picture[at] = (this.picture[at] ?? 0) + weight;
          }
        }
      }
      this.sums[head] = (this.sums[head] ?? 0) + sum;
      this.sizes[head] = (this.sizes[head] ?? 0) + size;
      this.below[head] = (this.below[head] ?? 0) + below;
      this.distances[head] = (this.distances[head] ?? 0) + distance;
    }
    this.rows += count;
  }

  numbers(): EffectiveNumbers {
    const over = (table: Float64Array, of: (head: number) => number): readonly number[] =>
      Array.from(table, (value, head) => (of(head) === 0 ? Number.NaN : value / of(head)));
    const whole = (head: number): number => this.sizes[head] ?? 0;
    return {
      sum: over(this.sums, () => this.rows),
      size: over(this.sizes, () => this.rows),
      negative: over(this.below, whole),
      distance: over(this.distances, whole),
      ...(this.picture
        ? {
            thumbnail: this.picture.map((sum, at) => {
              const rows = this.blockRows[Math.floor(at / thumbnailSize) % thumbnailSize] ?? 0;
              return rows === 0 ? 0 : sum / rows;
            }),
          }
        : {}),
    };
  }
}
