/** What one tier found, written for build/test.mjs to the file that `HEADSCOPE_TIER_RESULT` names. */
import { writeFileSync } from 'node:fs';

export interface TierResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

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
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );
