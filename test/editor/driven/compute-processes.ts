/** Finds the compute process of a window, so that a test can stop or end it. */
import { readFileSync, readdirSync } from 'node:fs';

/** Compute processes that a window with this profile started (its HOME tells them from those of other windows). */
export function computeProcesses(profile: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('compute-server.js') &&
          readFileSync(`/proc/${pid}/environ`, 'utf8').includes(profile)
        );
      } catch {
        return false; // It ended while we looked.
      }
    })
    .map(Number);
}
