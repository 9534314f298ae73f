/**
 * A lock that one process holds: a file with the number of the process and the name of its machine. Its time of change moves every
 * second while the process holds it, also while its own thread is in native code. A process that is killed leaves the file behind, and
 * whoever looks at it sees that nobody holds it any more.
 */
import { readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { removeProven, removeShared } from './remove';
import { writeNew } from './write-file';

const kind = 'headscope-lock';

interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, as the system counts it: another process may have the number later. Absent: it does not say. */
  readonly began?: string;
}

export type Lock =
  | { readonly state: 'free' }
  | {
      readonly state: 'held' | 'stale';
      readonly holder: LockHolder;
      /** When it last gave a sign of life, in ms since 1970. */
      readonly heard: number;
    };

const beatEvery = 1000;
/** Where nothing else can be known of the process, one that has given no sign for this long is gone, in ms. */
export const longestSilence = 60_000;

/** A thread of its own: a run in native code holds the thread of the process for minutes. */
const beat = `const { workerData: [file, every] } = require('node:worker_threads');
const { utimesSync } = require('node:fs');
setInterval(() => { try { const now = new Date(); utimesSync(file, now, now); } catch {} }, every);`;

/** Gives a lock back. Without it the lock is held until the process ends. */
type FreeLock = () => Promise<void>;

/** Undefined where another process has it, or had it. */
export async function takeLock(path: string): Promise<FreeLock | undefined> {
  const began = standingOf(process.pid)?.began;
  const holder: LockHolder = { pid: process.pid, host: hostname(), ...(began === undefined ? {} : { began }) };
  const own = `${JSON.stringify({ kind, ...holder })}\n`;
  try {
    await writeNew(path, own);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
  const beating = new Worker(beat, { eval: true, workerData: [path, beatEvery] });
  beating.unref();
  return async () => {
    await beating.terminate();
    await removeProven(path, (content) => content.toString('utf8') === own);
  };
}

/** `holder`: absent where it is not known. */
type Locked = { readonly ok: true; readonly free: FreeLock } | { readonly ok: false; readonly holder?: LockHolder };

const [mostTries, again] = [20, 20];

/** Takes a lock, also from a process that has ended without giving it back. */
export async function lockAnew(path: string): Promise<Locked> {
  for (let tries = 1; ; tries++) {
    const free = await takeLock(path);
    if (free) return { ok: true, free };
    const before = await readFile(path, 'utf8').catch(() => undefined);
    const lock = await lookAtLock(path);
    if (lock.state === 'held') return { ok: false, holder: lock.holder };
    if (tries >= mostTries) return { ok: false };
    // A file that is being written is empty; one that stays so was left by a process that was killed.
    const isLeft = lock.state === 'stale' ? isLockFile(before) : before === '' && tries > mostTries / 2;
    if (isLeft) await removeShared(path, (content) => content.toString('utf8') === before);
    await pause(again);
  }
}

function isLockFile(text = ''): boolean {
  try {
    return (JSON.parse(text) as { readonly kind?: unknown } | null)?.kind === kind;
  } catch {
    return false;
  }
}

export async function lookAtLock(path: string): Promise<Lock> {
  try {
    const [text, { mtimeMs: heard }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    const holder = holderIn(text);
    if (holder === undefined) return { state: 'free' };
    return { state: holds(holder, heard) ? 'held' : 'stale', holder, heard };
  } catch {
    return { state: 'free' };
  }
}

/** Ends the process that holds a lock of this machine; false where that is not sure to be it. */
export function endHolder(lock: Lock, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): boolean {
  if (lock.state !== 'held' || lock.holder.host !== hostname()) return false;
  try {
    return process.kill(lock.holder.pid, signal);
  } catch {
    return false;
  }
}

function holds({ pid, host, began }: LockHolder, heard: number): boolean {
  const isRecent = Date.now() - heard < longestSilence;
  if (host !== hostname()) return isRecent;
  const now = standingOf(pid);
  if (now === undefined) return false;
  // A machine that slept, or a process that was halted, gives no sign and goes on.
  return began === undefined || now.began === undefined ? isRecent : now.began === began;
}

/** Undefined: there is no such process, or it has ended and is only counted still. */
function standingOf(pid: number): { readonly began?: string } | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
  }
  try {
    // Behind the name, which may hold anything: the state is the third field, the time of its start the 22nd (proc(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    const [state, began] = [fields[0], fields[19]];
    if (state === 'Z' || state === 'X') return undefined;
    return began === undefined ? {} : { began };
  } catch {
    return {};
  }
}

function holderIn(text: string): LockHolder | undefined {
  try {
    const { pid, host, began } = JSON.parse(text) as Partial<LockHolder>;
    if (typeof pid !== 'number' || !(pid > 0) || typeof host !== 'string') return undefined;
    return { pid, host, ...(typeof began === 'string' ? { began } : {}) };
  } catch {
    return undefined;
  }
}
