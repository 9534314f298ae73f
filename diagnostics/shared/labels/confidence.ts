/**
 * How sure it is that a score is more than its null model gives.
 *
 * Where the null model is a formula (rows shuffled or drawn at random), mean and deviation are known: the confidence is the
 * normal distribution function of (score - mean) / sd, a mean over many independent rows being close to normal.
 *
 * Where it is measured on n random sequences, mean and deviation are estimates from n numbers. A score that follows the null
 * model lies off their mean by a multiple t = (score - mean) / (sd sqrt(1 + 1/n)) that has Student's distribution with n - 1
 * degrees of freedom (the prediction interval of one further observation: Student 1908; Geisser 1993, "Predictive
 * inference", section 2.2). The confidence is its distribution function at t.
 *
 * A deviation below `floor` is not taken for what it is measured as: n numbers that happen to be alike do not fix a mean
 * exactly. The floor then stands in its place, and the null model says so.
 */

import { errorFunction } from 'simple-statistics';
import { leastDeviation } from '../../../protocol/results/label-rules';

export interface NullModel {
  readonly mean: number;
  /** As measured or by its formula: 0 where all random sequences gave the same number. */
  readonly sd: number;
  /** Random sequences that gave mean and deviation; absent: both follow from a formula. */
  readonly seeds?: number;
  /** What was used instead of a smaller deviation; absent: the deviation itself was used. */
  readonly floor?: number;
}

/** Mean and sample deviation (n - 1) of the scores of random sequences; needs two or more. */
export function measuredNull(values: readonly number[]): NullModel {
  const seeds = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / seeds;
  const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (seeds - 1));
  return { mean, sd, seeds, ...(sd < leastDeviation ? { floor: leastDeviation } : {}) };
}

/** 0..1; NaN where nothing was measured. 0.5 for rows that can be shuffled in one way only: they say nothing. */
export function confidenceOf(score: number, { mean, sd, seeds, floor = 0 }: NullModel): number {
  if (seeds !== undefined) {
    return studentDistribution((score - mean) / (Math.max(sd, floor) * Math.sqrt(1 + 1 / seeds)), seeds - 1);
  }
  // Rounding of the runtime may leave the score a hair beside a mean that it cannot leave.
  return normalDistribution(sd === 0 ? 0 : (score - mean) / sd);
}

const normalDistribution = (z: number): number => (1 + errorFunction(z / Math.SQRT2)) / 2;

/**
 * P(T <= t) of Student's distribution with a whole number of degrees of freedom, in closed form (Abramowitz and Stegun 1964,
 * 26.7.3 and 26.7.4).
 */
export function studentDistribution(t: number, freedom: number): number {
  if (!Number.isInteger(freedom) || freedom < 1) return Number.NaN;
  const angle = Math.atan(t / Math.sqrt(freedom));
  const squared = Math.cos(angle) ** 2;
  const odd = freedom % 2 === 1;
  let [term, sum] = [1, 0];
  for (let k = odd ? 1 : 0; k <= freedom - 2; k += 2) {
    sum += term;
    term *= (squared * (k + 1)) / (k + 2);
  }
  const within = odd ? (2 / Math.PI) * (angle + Math.sin(angle) * Math.cos(angle) * sum) : Math.sin(angle) * sum;
  return (1 + within) / 2;
}
