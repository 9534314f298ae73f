/** Resident memory of this process in bytes: now (`VmRSS`), or the most until now (`VmHWM`; elsewhere than on Linux both are that). */
import { readFileSync } from 'node:fs';

export function processMemory(what: 'VmHWM' | 'VmRSS'): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  const line = new RegExp(`${what}:\\s+(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line?.[1] ?? 0) * 1024;
}
