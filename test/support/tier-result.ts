/** What one tier found, written for build/test.mjs to the file that `HEADSCOPE_TIER_RESULT` names. */
import { writeFileSync } from 'node:fs';
import type { FailedTests } from './failed-tests';

export interface TierResult extends FailedTests {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A part that ended without a result, as its output explains, counts as one failure. */
export const withoutResult = (file: string): TierResult => ({
  ...{ passed: 0, failed: 1, skipped: 0, retried: [], passes: {} },
  failures: [{ file, title: 'it wrote no result', error: 'Its output above says why.' }],
});

export function writeTierResult(result: TierResult): void {
  const file = process.env['HEADSCOPE_TIER_RESULT'];
  if (file !== undefined) writeFileSync(file, JSON.stringify(result));
}

/** Adds the results of a tier that runs in several processes. */
export const addTierResults = (results: readonly TierResult[]): TierResult =>
  results.reduce(
    (sum, one) => ({
      passed: sum.passed + one.passed,
      failed: sum.failed + one.failed,
      skipped: sum.skipped + one.skipped,
      failures: [...sum.failures, ...one.failures],
      retried: [...sum.retried, ...one.retried],
      passes: { ...sum.passes, ...one.passes },
    }),
    { passed: 0, failed: 0, skipped: 0, failures: [], retried: [], passes: {} },
  );

/** The files of a run in which something failed. */
export const failedFiles = ({ failures }: TierResult): readonly string[] => [
  ...new Set(failures.map(({ file }) => file)),
];

/** A run after whose end the files with failures ran once more, from the start: what that found in them counts. */
export function runAgain(first: TierResult, again: TierResult): TierResult {
  const files = failedFiles(first);
  const others = Object.entries(first.passes).filter(([file]) => !files.includes(file));
  const passes = { ...Object.fromEntries(others), ...again.passes };
  const failing = new Set(again.failures.map(({ title }) => title));
  return {
    ...again,
    passes,
    passed: Object.values(passes).reduce((sum, count) => sum + count, 0),
    retried: [
      ...first.retried.filter(({ file }) => !files.includes(file)),
      ...first.failures.filter(({ title }) => !failing.has(title)),
      ...again.retried,
    ],
  };
}
