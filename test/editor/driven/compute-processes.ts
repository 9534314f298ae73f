/** Finds the compute process of a window, so that a test can stop or end it. */
import { readFileSync, readdirSync } from 'node:fs';

/** Processes with this word in their command line that a host with this profile started (its HOME tells them from others). */
export function processesOf(profile: string, word: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word) &&
          readFileSync(`/proc/${pid}/environ`, 'utf8').includes(profile)
        );
      } catch {
        return false; // It ended while we looked.
      }
    })
    .map(Number);
}

export const computeProcesses = (profile: string): number[] => processesOf(profile, 'compute-server.js');
