/**
 * Correlations of paired values with 95 % intervals by Fisher's z: tanh(atanh r +- 1.96 s). s = 1 / sqrt(n - 3) for Pearson (Fisher
 * 1921) and sqrt((1 + r^2 / 2) / (n - 3)) for Spearman (Bonett and Wright 2000, Psychometrika 65, 23-28). They assume pairs
 * that are drawn independently, and Pearson's that they are normal: of few pairs with one that is far out it is too narrow.
 * NaN: a correlation where one side does not vary or there are fewer than two pairs; an interval of fewer than four.
 */
import { z975, type Interval } from './proportion';
import { mean } from '../../../kernels/tensors/vectors';

export interface Correlation extends Interval {
  readonly r: number;
}

export const pearson = (xs: readonly number[], ys: readonly number[]): Correlation =>
  withInterval(product(xs, ys), xs.length, () => 1);

/** Pearson's of the ranks, equal values sharing the mean of theirs. */
export const spearman = (xs: readonly number[], ys: readonly number[]): Correlation =>
  withInterval(product(ranks(xs), ranks(ys)), xs.length, (r) => 1 + r ** 2 / 2);

function product(xs: readonly number[], ys: readonly number[]): number {
  if (xs.length !== ys.length) throw new RangeError(`${xs.length} and ${ys.length} values are no pairs`);
  if (xs.length < 2) return Number.NaN;
  const [mx, my] = [mean(xs), mean(ys)];
  let [xy, xx, yy] = [0, 0, 0];
  xs.forEach((x, at) => {
    const [dx, dy] = [x - mx, (ys[at] ?? Number.NaN) - my];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  });
  // The root of each: the product of two small sums would be 0.
  return xx === 0 || yy === 0 ? Number.NaN : Math.max(-1, Math.min(1, xy / Math.sqrt(xx) / Math.sqrt(yy)));
}

function withInterval(r: number, n: number, variance: (r: number) => number): Correlation {
  if (Number.isNaN(r) || n < 4) return { r, low: Number.NaN, high: Number.NaN };
  const reach = z975 * Math.sqrt(variance(r) / (n - 3));
  const centre = Math.atanh(r);
  return { r, low: Math.tanh(centre - reach), high: Math.tanh(centre + reach) };
}

function ranks(values: readonly number[]): readonly number[] {
  const order = [...values.keys()].sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const found = new Array<number>(values.length).fill(0);
  for (let from = 0; from < order.length;) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to += 1;
    for (let at = from; at < to; at++) found[order[at]!] = (from + to - 1) / 2;
    from = to;
  }
  return found;
}
