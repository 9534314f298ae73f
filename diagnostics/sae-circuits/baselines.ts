/**
 * What is known of a head without an autoencoder, from its outputs x in prompts and y in their counterparts, pair by pair:
 *
 * - `norm`: mean length of its output over all examples;
 * - `difference`: |mean x - mean y|;
 * - `separation`: area under the ROC curve of a linear discriminant along the difference of the means (equal variances in all
 *   directions, as few examples of many numbers leave nothing else), each prompt and its counterpart being judged by the
 *   discriminant of all other pairs: 0.5 where nothing tells the two apart.
 */
import { areaBelow } from '../statistics/ranking';

export interface Baselines {
  /** In units of the residual stream. */
  readonly norm: number;
  readonly difference: number;
  /** NaN of one pair. */
  readonly separation: number;
}

/** `outputs` [2 pairs, width]: first the prompts, then their counterparts. */
export function baselinesOf(outputs: Float32Array, pairs: number): Baselines {
  const width = outputs.length / (2 * pairs);
  const row = (at: number): Float32Array => outputs.subarray(at * width, (at + 1) * width);
  const sums = [0, pairs].map((from) => {
    const sum = new Float64Array(width);
    for (let at = 0; at < pairs; at++) row(from + at).forEach((value, i) => (sum[i] = sum[i]! + value));
    return sum;
  }) as [Float64Array, Float64Array];
  let norm = 0;
  for (let at = 0; at < 2 * pairs; at++) norm += Math.hypot(...row(at)) / (2 * pairs);
  const difference = Math.hypot(...sums[0].map((value, i) => (value - sums[1][i]!) / pairs));
  if (pairs < 2) return { norm, difference, separation: Number.NaN };
  const positive: number[] = [];
  const negative: number[] = [];
  for (let at = 0; at < pairs; at++) {
    const [x, y] = [row(at), row(pairs + at)];
    let [ofX, ofY] = [0, 0];
    for (let i = 0; i < width; i++) {
      const [meanX, meanY] = [(sums[0][i]! - x[i]!) / (pairs - 1), (sums[1][i]! - y[i]!) / (pairs - 1)];
      const middle = (meanX + meanY) / 2;
      ofX += (x[i]! - middle) * (meanX - meanY);
      ofY += (y[i]! - middle) * (meanX - meanY);
    }
    positive.push(ofX);
    negative.push(ofY);
  }
  return { norm, difference, separation: areaBelow(negative, positive) ?? Number.NaN };
}
