/** Scores of heads held against published ones (protocol/plans/formats/head-scores.ts). */
import { sampleCorrelation } from 'simple-statistics';
import type { HeadScores } from '../../../protocol/plans/formats/head-scores';
import type { HeadTable } from './copy-events';

/** `tests`: of each test that counts, [layers][heads]. */
export function headScoresOf(tests: readonly HeadTable[]): HeadScores {
  const [first = []] = tests;
  const all: Record<string, number[]> = {};
  first.forEach((heads, layer) =>
    heads.forEach((_, head) => {
      all[`${layer}-${head}`] = tests.map((test) => test[layer]?.[head] ?? 0);
    }),
  );
  return all;
}

/** Pearson's r over the heads that both have; NaN of fewer than two, or where one of them does not vary. */
export function pearson(a: HeadTable, b: HeadTable): { readonly r: number; readonly heads: number } {
  const pairs = a.flatMap((row, layer) => row.map((one, head) => [one, b[layer]?.[head] ?? Number.NaN] as const));
  const both = pairs.filter(([one, other]) => Number.isFinite(one) && Number.isFinite(other));
  const [left, right] = [both.map(([one]) => one), both.map(([, other]) => other)];
  const varies = (of: readonly number[]): boolean => new Set(of).size > 1;
  const r = varies(left) && varies(right) ? sampleCorrelation(left, right) : Number.NaN;
  return { r, heads: both.length };
}
