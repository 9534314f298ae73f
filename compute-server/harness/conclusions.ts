/** What the rows of a whole table say together: growth with length, and from which length a mechanism pays. */
import type { BenchmarkRow, BenchmarkSetup, Crossover, ExponentFit } from '../../protocol/results/benchmark-schema';
import { verdict } from '../../protocol/results/verdict';
import { cabEfficiencyLength, decideEfficiencyLength, measuredCrossover } from './statistics/efficiency-length';
import { powerFit, type Curve } from './statistics/fits';

const timesOf = (rows: readonly BenchmarkRow[], mechanism: string): Curve =>
  rows
    .filter((row) => row.mechanism === mechanism && row.ok && row.medianMs !== undefined)
    .map((row) => [row.length, row.medianMs!] as const)
    .sort(([a], [b]) => a - b);

const named = (rows: readonly BenchmarkRow[]): readonly string[] => [...new Set(rows.map((row) => row.mechanism))];

/** Needs three lengths: through two the line is exact, and an r2 of 1 says nothing. */
export function exponentFits(rows: readonly BenchmarkRow[]): ExponentFit[] {
  return named(rows).flatMap((mechanism) => {
    const curve = timesOf(rows, mechanism);
    return curve.length < 3 ? [] : [{ mechanism, ...powerFit(curve) }];
  });
}

export function crossovers(plan: BenchmarkSetup, rows: readonly BenchmarkRow[]): Crossover[] {
  const baseline = timesOf(rows, plan.baseline);
  return named(rows)
    .filter((mechanism) => mechanism !== plan.baseline)
    .map((mechanism) => {
      const comparisons = rows
        .filter((row) => row.mechanism === mechanism && row.ok && row.ratioToBaseline)
        .map((row) => ({ length: row.length, faster: verdict(row.ratioToBaseline!) === 'faster' }));
      const fit = cabEfficiencyLength(baseline, timesOf(rows, mechanism), true);
      const efficiencyLength = decideEfficiencyLength(comparisons, fit);
      const note = noteOf(comparisons, efficiencyLength);
      return {
        mechanism,
        efficiencyLength,
        ...(note ? { note } : {}),
        measured: measuredCrossover(comparisons),
        ...(fit
          ? {
              fitted: {
                length: fit.root,
                baseline: [fit.baseline.a, fit.baseline.b, fit.baseline.c] as const,
                mechanism: [fit.mechanism.b, fit.mechanism.c] as const,
                r2Baseline: fit.baseline.r2,
                r2Mechanism: fit.mechanism.r2,
              },
            }
          : {}),
      };
    });
}

function noteOf(
  comparisons: readonly { readonly length: number; readonly faster: boolean }[],
  efficiencyLength: number | null,
): string | undefined {
  if (comparisons.length === 0) return 'it could not be compared with the baseline at any length';
  if (comparisons.every(({ faster }) => faster)) return 'always';
  if (efficiencyLength !== null) return undefined;
  const longest = Math.max(...comparisons.map(({ length }) => length));
  return comparisons.some(({ faster }) => faster)
    ? `not faster than the baseline at the longest measured length, ${longest}`
    : 'not faster than the baseline at any measured length';
}
