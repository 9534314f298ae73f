/**
 * How much of a head's query-key form a form of low rank keeps. W_QK = W_Q^T W_K of a head [w, w] has at most d singular values s, the
 * largest first. By Eckart and Young the best form of rank r keeps the energy E_r = (s_1^2 + … + s_r^2) / (s_1^2 + … + s_d^2), the share of
 * the sum of squares of the entries. LAMA's heads (arXiv:1912.00835) have rank 1.
 */
import type { ModelFacts } from '../../model-runner/model-runner';
import type { ScoreWeights } from '../../model-runner/weights';
import { foldedScores } from '../../shared/weights/folding';
import { singularValues, triangular } from '../../shared/weights/spectra';
import { sharedOf } from '../../shared/weights/head-of';

/** Singular values of every head of a layer, largest first, [heads][d]. */
export function querySpectra(
  weights: ScoreWeights,
  block: ModelFacts['blocks'][number],
): readonly (readonly number[])[] {
  const { heads, kvHeads, headDim: d } = block;
  const { query, key } = foldedScores(weights);
  const width = query.length / (heads * d);
  const part = (rows: Float32Array, of: number): Float32Array => rows.subarray(of * d * width, (of + 1) * d * width);
  const keys = Array.from({ length: kvHeads }, (_, of) => triangular(part(key, of), d));
  return Array.from({ length: heads }, (_, head) => {
    const own = keys[sharedOf(block, head)];
    if (!own) throw new RangeError(`no key head of head ${head}`);
    return singularValues(triangular(part(query, head), d), own);
  });
}

/** E_1, E_2, … ; empty where the form is zero. */
export function energies(singular: readonly number[]): readonly number[] {
  const total = singular.reduce((sum, value) => sum + value ** 2, 0);
  if (total === 0) return [];
  let sum = 0;
  return singular.map((value) => (sum += value ** 2) / total);
}

/** E_r; NaN where the form is zero. A rank above that of the form keeps all. */
export function energyKept(singular: readonly number[], rank: number): number {
  const all = energies(singular);
  return all.length === 0 ? Number.NaN : (all[Math.min(rank, all.length) - 1] ?? Number.NaN);
}

/** Smallest r with E_r at least `share`; NaN where the form is zero. Rounding of the last sum counts as reaching it. */
export function rankFor(singular: readonly number[], share: number): number {
  const at = energies(singular).findIndex((energy) => energy >= share - 1e-12);
  return at < 0 ? Number.NaN : at + 1;
}
