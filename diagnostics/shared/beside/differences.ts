/**
 * How far two matrices, maps of attention and outputs are apart. w is a number of the model, w0 the same of the one beside it:
 *
 *   largest    max |w - w0|
 *   mean       mean |w - w0|
 *   relative   sqrt(sum (w - w0)^2 / sum w0^2); 0 where nothing differs
 *   distance   Jensen-Shannon distance of two rows p, q of attention: sqrt((KL(p || m) + KL(q || m)) / 2), m = (p + q) / 2, in
 *              bits, from 0 to 1 (Endres and Schindelin 2003)
 */

/** Sums over numbers that are compared. */
export class Difference {
  private largestOf = 0;
  private sum = 0;
  private count = 0;
  private squares = 0;
  private exactSquares = 0;

  add(own: ArrayLike<number>, exact: ArrayLike<number>, from = 0, to = own.length): this {
    for (let i = from; i < to; i++) {
      const value = exact[i] ?? Number.NaN;
      const change = (own[i] ?? Number.NaN) - value;
      const size = Math.abs(change);
      // NaN stays the largest.
      if (size > this.largestOf || Number.isNaN(size)) this.largestOf = size;
      this.sum += size;
      this.squares += change * change;
      this.exactSquares += value * value;
    }
    this.count += to - from;
    return this;
  }

  get largest(): number {
    return this.largestOf;
  }

  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  get relative(): number {
    return this.squares === 0 ? 0 : Math.sqrt(this.squares / this.exactSquares);
  }
}

const term = (p: number, m: number): number => (p > 0 ? p * Math.log2(p / m) : 0);

/** Mean over the rows of two maps [n, t]. */
export function mapDistance(own: Float32Array, exact: Float32Array, rows: number): number {
  const columns = own.length / rows;
  let total = 0;
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let at = row * columns; at < (row + 1) * columns; at++) {
      const [p, q] = [own[at] ?? 0, exact[at] ?? 0];
      // Equal numbers would leave only rounding.
      if (p !== q) sum += term(p, (p + q) / 2) + term(q, (p + q) / 2);
    }
    total += Math.sqrt(Math.max(0, sum / 2));
  }
  return total / rows;
}
