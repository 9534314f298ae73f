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
