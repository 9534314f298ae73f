/** Finds the compute process of a window, so that a test can stop or end it. */
import { readFileSync, readdirSync } from 'node:fs';
import { taskFlag } from '../../../compute-server/processes/task-process';

/**
 * Processes with this word in their command line, and not the other, that a host with this profile started (its HOME tells
 * them from others).
 */
export function processesOf(profile: string, word: string, without?: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return (
          command.includes(word) &&
          (without === undefined || !command.includes(without)) &&
          readFileSync(`/proc/${pid}/environ`, 'utf8').includes(profile)
        );
      } catch {
        return false; // It ended while we looked.
      }
    })
    .map(Number);
}

/** Not those that it starts for one task, such as measuring the memory of a kernel. */
export const computeProcesses = (profile: string): number[] => processesOf(profile, 'compute-server.js', taskFlag);
