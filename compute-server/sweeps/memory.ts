/** The memory of a process and everything it started. */
import { readdirSync, readFileSync } from 'node:fs';

/**
 * Resident bytes of a process and of all that it started, without pages of files, such as mapped weights, which the system takes back when
 * it needs them; undefined where the system does not say (any but Linux).
 */
export function familyBytes(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  let bytes = 0;
  const waiting = [pid];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    try {
      // In kB, whatever pages the machine has (proc_pid_status(5)).
      const [, own = '0'] = /^RssAnon:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${next}/status`, 'utf8')) ?? [];
      bytes += Number(own) * 1024;
      for (const task of readdirSync(`/proc/${next}/task`)) {
        const children = readFileSync(`/proc/${next}/task/${task}/children`, 'utf8').trim();
        if (children !== '') waiting.push(...children.split(' ').map(Number));
      }
    } catch {
      // It has just ended.
    }
  }
  return bytes;
}
