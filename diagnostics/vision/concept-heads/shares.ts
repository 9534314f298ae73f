/**
 * How much of what varies between pictures each part writes. With c_k the contribution of a part to picture k, e_k the embedding
 * and bars for means over pictures:
 *
 *   share = sum over k of (c_k - mean c) . (e_k - mean e) / sum over k of |e_k - mean e|^2
 *
 * and of the score s_k = e_k . t of a text t of length 1
 *
 *   share(t) = sum over k of ((c_k - mean c) . t) (s_k - mean s) / sum over k of (s_k - mean s)^2.
 *
 * Both sum to 1 over all parts; a part that works against the others has a share below 0.
 */
import { addTo } from './readout';
import { dot } from '../../../kernels/tensors/vectors';

/** Rows less their mean. */
export function centred(rows: readonly ArrayLike<number>[]): readonly Float64Array[] {
  const mean = meanRow(rows);
  return rows.map((row) => Float64Array.from(row, (value, i) => value - (mean[i] ?? 0)));
}

export function meanRow(rows: readonly ArrayLike<number>[]): Float64Array {
  const mean = new Float64Array(rows[0]?.length ?? 0);
  for (const row of rows) addTo(mean, row, 1 / rows.length);
  return mean;
}

/** NaN where the pictures do not differ. */
export function shareOf(part: readonly ArrayLike<number>[], centredWhole: readonly Float64Array[]): number {
  let [with_, total] = [0, 0];
  centredWhole.forEach((whole, k) => {
    with_ += dot(part[k] ?? whole, whole);
    total += dot(whole, whole);
  });
  return total === 0 ? Number.NaN : with_ / total;
}

/** [texts] of one part. */
export function textShares(
  part: readonly ArrayLike<number>[],
  texts: readonly ArrayLike<number>[],
  /** [texts][pictures], centred. */
  scores: readonly Float64Array[],
): readonly number[] {
  return texts.map((text, at) => {
    const own = scores[at] ?? new Float64Array(0);
    const total = dot(own, own);
    if (total === 0) return Number.NaN;
    return part.reduce((sum, row, k) => sum + dot(row, text) * (own[k] ?? 0), 0) / total;
  });
}
