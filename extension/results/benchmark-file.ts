/**
 * A saved benchmark as text: written so that two runs can be compared line by line in git. A figure that JSON has no number for
 * (an infinite error) is written as null and reads as absent, a share of a variance that is zero as NaN.
 */
import { type BenchmarkRow, type BenchmarkResult, savedBenchmark } from '../../protocol/results/benchmark-schema';
import { parseJson, type Checked } from '../../protocol/schema/check';

export const parseBenchmark = (text: string): Checked<BenchmarkResult> => parseJson(savedBenchmark, text);

/** One field a line and a final newline; the rows in the order of mechanism, then length, whatever order they were measured in. */
export function benchmarkText(result: BenchmarkResult): string {
  const order = [result.plan.baseline, ...result.plan.mechanisms];
  const rank = (row: BenchmarkRow): number => {
    const at = order.indexOf(row.mechanism);
    return at < 0 ? order.length : at;
  };
  const rows = [...result.rows].sort(
    (a, b) => rank(a) - rank(b) || a.mechanism.localeCompare(b.mechanism) || a.length - b.length,
  );
  const { done: _done, ...plan } = result.plan;
  return `${JSON.stringify({ ...result, plan, rows }, undefined, 2)}\n`;
}
