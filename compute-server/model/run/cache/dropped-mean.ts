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
