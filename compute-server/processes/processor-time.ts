import { readFileSync } from 'node:fs';
import { computingSeconds } from '../../protocol/wire/time-limit';

/** Seconds of processor time that a process, or a thread as `self/task/…`, has used; undefined where the system does not say. */
export const processorSeconds = (of: number | string | undefined): number | undefined =>
  computingSeconds(of, { platform: process.platform, read: (file) => readFileSync(file, 'utf8') });
