/** What a process and all that it started use now, from /proc; undefined on systems without it. */
import { readFileSync } from 'node:fs';
import { processorSeconds } from '../../../compute-server/processes/processor-time';

export interface ProcessUse {
  /** Seconds of processor time, in all. */
  readonly seconds: number;
  readonly residentBytes: number;
  /** The process and what it started, parents first. */
  readonly pids: readonly number[];
}

/** The page size of every Linux that Node is built for, except some arm64 with 64 KB pages, where memory is understated. */
const pageBytes = 4096;

export function useOf(pid: number): ProcessUse | undefined {
  if (process.platform !== 'linux') return undefined;
  const pids = [pid];
  let seconds = 0;
  let residentBytes = 0;
  for (let at = 0; at < pids.length; at++) {
    try {
      const each = pids[at]!;
      const stat = readFileSync(`/proc/${each}/stat`, 'utf8');
      // The name before may hold spaces and brackets: fields are counted behind its last bracket, from the third on.
      const fields = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      seconds += processorSeconds(each) ?? 0;
      residentBytes += (fields[21] ?? 0) * pageBytes;
      const children = readFileSync(`/proc/${each}/task/${each}/children`, 'utf8').split(' ').filter(Boolean);
      pids.push(...children.map(Number));
    } catch {
      // It has ended in the meantime, or the kernel does not list children.
    }
  }
  return { seconds, residentBytes, pids };
}
