/**
 * The engine of this machine: a background process, which continues when the command that started it has ended. It runs as many tasks at a
 * time as the sweep allows, and starts a task that died again. Tasks end with it, so that none is left running unnoticed.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { endHolder, lookAtLock, takeLock } from '../../files/lock';
import { openToAppend } from '../../files/write-file';
import type { SweepFile } from '../../protocol/sweeps/sweep-file';
import { parseJsonText } from '../../protocol/wire/json-text';
import { counted } from '../../protocol/wire/number-words';
import { machineMemory } from '../machine-memory';
import { exitInWords } from '../processes/exit-words';
import { processors } from '../processors';
import {
  EngineRefusal,
  type Planned,
  type Submission,
  type SweepEngine,
  type TaskResources,
  type TaskState,
} from './engine';

/** What a process of Headscope takes before it opens a model, with its compute server. */
const leastBytes = 300e6;
/** Share of the memory that cells may take together. */
const share = 0.8;

const inGigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

function planLocal(sweep: SweepFile, { threads, memoryBytes, gpus }: TaskResources): Planned {
  const memory = machineMemory();
  if (memoryBytes !== undefined && memoryBytes > memory) {
    const why = `A cell may use ${inGigabytes(memoryBytes)}, but this machine has ${inGigabytes(memory)}. Lower resources.memory, or choose another engine.`;
    return { ok: false, why };
  }
  if (memoryBytes !== undefined && memoryBytes < leastBytes) {
    const why = `A cell may use ${Math.round(memoryBytes / 1e6)} MB, but Headscope needs ${leastBytes / 1e6} MB before it opens a model. Raise resources.memory.`;
    return { ok: false, why };
  }
  if (threads > processors) {
    const why = `A cell uses ${threads} threads, but this machine has ${counted(processors, 'processor', 'processors')}. Lower resources.threads, or choose another engine.`;
    return { ok: false, why };
  }
  const byThreads = Math.max(1, Math.floor(processors / (threads === 0 ? processors : threads)));
  const byMemory = memoryBytes === undefined ? byThreads : Math.max(1, Math.floor((share * memory) / memoryBytes));
  // Cells on a GPU take turns: nothing hands GPUs out here.
  const usual = gpus > 0 ? 1 : Math.min(byThreads, byMemory);
  const asked = sweep.local?.processes;
  if (asked !== undefined && memoryBytes !== undefined && asked * memoryBytes > memory) {
    const why = `${asked} processes of ${inGigabytes(memoryBytes)} need more than the ${inGigabytes(memory)} of this machine. Set local.processes to at most ${Math.max(1, byMemory)}.`;
    return { ok: false, why };
  }
  return { ok: true, capacity: { mostTasks: 4096, atOnce: asked ?? usual } };
}

/** Each line is a task and its state from then on. */
const stateFile = (ownFolder: string): string => join(ownFolder, 'tasks.jsonl');

/** Held by the process while it lives. */
const processFile = (ownFolder: string): string => join(ownFolder, 'process.json');
/** Milliseconds in which the process has begun, also on a busy machine. */
const longestStart = 60_000;

async function statesIn(ownFolder: string): Promise<Map<number, TaskState>> {
  const states = new Map<number, TaskState>();
  const text = await readFile(stateFile(ownFolder), 'utf8').catch(() => '');
  for (const line of text.split('\n')) {
    const parsed = parseJsonText(line);
    if (!parsed.ok) continue;
    const { task, state, reason = '' } = parsed.value as { task?: unknown; state?: unknown; reason?: string };
    if (typeof task !== 'number') continue;
    if (state === 'died') states.set(task, { state, reason });
    else if (state === 'running' || state === 'ended') states.set(task, { state });
  }
  return states;
}

/** `words`: arguments of `headscope`; the number of the submission is added at the end. */
export const localEngine = (script: string, words: readonly string[]): SweepEngine => ({
  id: 'local',
  plan: (sweep, resources) => Promise.resolve(planLocal(sweep, resources)),
  async submit(submission) {
    const log = await openToAppend(join(submission.ownFolder, 'log.txt'));
    try {
      const child = spawn(process.execPath, [script, ...words, String(submission.number)], {
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
      });
      await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
      child.unref();
      const lockFile = processFile(submission.ownFolder);
      const hasBegun = async (): Promise<boolean> => (await lookAtLock(lockFile)).state !== 'free';
      for (const until = Date.now() + longestStart; Date.now() < until && !(await hasBegun()); await pause(20)) {
        if (child.exitCode !== null || child.signalCode !== null) break;
      }
      return {};
    } finally {
      await log.close();
    }
  },
  async status(submission) {
    const written = await statesIn(submission.ownFolder);
    const isAlive = (await lookAtLock(processFile(submission.ownFolder))).state === 'held';
    const states = new Map<number, TaskState>();
    for (const { first, count } of submission.stages) {
      for (let task = first; task < first + count; task++) {
        const known = written.get(task);
        if (known?.state === 'ended' || known?.state === 'died') states.set(task, known);
        else if (isAlive) states.set(task, known ?? { state: 'waiting' });
      }
    }
    return states;
  },
  async cancel({ ownFolder }) {
    const look = () => lookAtLock(processFile(ownFolder));
    const lock = await look();
    if (lock.state !== 'held') return;
    const { host } = lock.holder;
    if (host !== hostname()) throw new EngineRefusal(`The sweep runs on ${host}. Cancel it there.`);
    endHolder(lock, 'SIGTERM');
    for (let looks = 0; looks < 200 && (await look()).state === 'held'; looks++) {
      await pause(50);
      if (looks === 100) endHolder(await look());
    }
  },
});

/** The process itself: all tasks of a submission, `atOnce` at a time. Ends when they have. */
export async function serveLocal(submission: Submission, atOnce: number, ended: () => Promise<void>): Promise<void> {
  const free = await takeLock(processFile(submission.ownFolder));
  // Another process works on it, or did.
  if (!free) return;
  const running = new Set<ChildProcess>();
  let ending = false;
  process.on('SIGTERM', () => {
    ending = true;
    for (const child of running) child.kill('SIGKILL');
  });
  const lines = await openToAppend(stateFile(submission.ownFolder));
  const say = (line: object): Promise<void> => lines.appendFile(`\n${JSON.stringify(line)}\n`);
  const [script = '', ...words] = submission.command.slice(1);
  const once = (task: number): Promise<string | undefined> =>
    new Promise((resolve) => {
      const child = fork(script, [...words, String(task)], {
        execArgv: [],
        stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      });
      running.add(child);
      let errors = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
      child.on('error', (error) => (errors += error.message));
      child.on('close', (code, signal) => {
        running.delete(child);
        resolve(code === 0 ? undefined : exitInWords(code, signal, errors));
      });
    });
  for (const { first, count } of submission.stages) {
    let next = first;
    const turn = async (): Promise<void> => {
      for (let task = next++; task < first + count && !ending; task = next++) {
        await say({ task, state: 'running' });
        let reason = await once(task);
        // Each start of a task ends at least one cell. Without a limit, a task that cannot start would be started again endlessly.
        const most = submission.tries * Math.max(1, submission.stages[0]?.cellsOfTask ?? 1);
        for (let tries = 1; reason !== undefined && tries < most && !ending; tries++) reason = await once(task);
        if (!ending) await say({ task, ...(reason === undefined ? { state: 'ended' } : { state: 'died', reason }) });
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, count) }, turn));
    if (ending) break;
    await ended();
  }
  await ended();
  await lines.close();
  await free();
}
