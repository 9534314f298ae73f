/** One run of a cell: a process of its own, watched for memory and time. An incomplete result does not count. */
import { fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTemporary, removeTemporary } from '../../files/remove';
import { timeInWords } from '../../protocol/wire/quantities';
import { parseJsonText } from '../../protocol/wire/json-text';
import { exitInWords } from '../processes/exit-words';
import type { TaskResources } from './engine';
import { familyBytes } from './memory';

export type CellEnd =
  /** `result`: a JSON object. */
  | { readonly end: 'done'; readonly result: Readonly<Record<string, unknown>>; readonly seconds: number }
  /** Another try would fail in the same way. */
  | { readonly end: 'failed'; readonly reason: string; readonly seconds: number }
  /** Its process was killed or crashed: another try may succeed. */
  | { readonly end: 'died'; readonly reason: string; readonly seconds: number };

export interface CellRun {
  /** The command line's own script. */
  readonly script: string;
  /** Arguments, by the file that the result is to be written to. */
  readonly words: (result: string) => readonly string[];
  /** Where relative paths begin. */
  readonly folder: string;
  readonly resources: TaskResources;
  readonly environment: NodeJS.ProcessEnv;
}

const lookEveryMs = 250;
const keptOfErrors = 64_000;

/** `stderr`: its last words, for the log. */
export async function runCell(run: CellRun): Promise<CellEnd & { readonly stderr: string }> {
  const place = await createTemporary(join(tmpdir(), 'headscope-cell-'));
  try {
    return await runIn(join(place, 'result.json'), run);
  } finally {
    await removeTemporary(place);
  }
}

async function runIn(
  file: string,
  { script, words, folder, resources, environment }: CellRun,
): Promise<CellEnd & { readonly stderr: string }> {
  const { memoryBytes, secondsOfCell, threads } = resources;
  const started = performance.now();
  const child = fork(script, words(file), {
    cwd: folder,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: {
      ...environment,
      ...(memoryBytes === undefined ? {} : { HEADSCOPE_MEMORY_LIMIT: String(memoryBytes) }),
      ...(threads === 0 ? {} : { HEADSCOPE_THREADS: String(threads) }),
    },
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-keptOfErrors)));
  let ended: string | undefined;
  const end = (reason: string): void => {
    ended ??= reason;
    child.kill('SIGKILL');
  };
  const looking = setInterval(() => {
    if (secondsOfCell !== undefined && performance.now() - started > 1000 * secondsOfCell)
      end(
        `It was stopped after ${timeInWords(secondsOfCell)}, the limit in resources.time. Raise the limit, or make the cell smaller.`,
      );
    if (memoryBytes === undefined || child.pid === undefined) return;
    const bytes = familyBytes(child.pid) ?? 0;
    if (bytes > memoryBytes)
      end(
        `It was stopped at ${megabytes(bytes)}, above the ${megabytes(memoryBytes)} of resources.memory. Raise the limit, or make the cell smaller.`,
      );
  }, lookEveryMs);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('error', (error) => {
      stderr += error.message;
      resolve([null, null]);
    });
    child.on('close', (...how) => resolve(how));
  });
  clearInterval(looking);
  const seconds = (performance.now() - started) / 1000;
  if (ended !== undefined) return { end: 'failed', reason: ended, seconds, stderr };
  const last = stderr.trim().split('\n').at(-1)?.trim() ?? '';
  // Exit codes of the command line: 2 wrong usage, 3 the run failed.
  if (code === 2 || code === 3)
    return { end: 'failed', reason: last || `It ended with code ${code}.`, seconds, stderr };
  if (code !== 0 && code !== 1)
    return { end: 'died', reason: `${upper(exitInWords(code, signal, stderr))}.`, seconds, stderr };
  const text = await readFile(file, 'utf8').catch(() => '');
  const parsed = parseJsonText(text);
  if (!parsed.ok || typeof parsed.value !== 'object' || parsed.value === null || Array.isArray(parsed.value)) {
    // A check that failed before there was a result.
    const reason = last || 'It ended without a result. Run its command yourself to see why.';
    return code === 1 ? { end: 'failed', reason, seconds, stderr } : { end: 'died', reason, seconds, stderr };
  }
  return { end: 'done', result: parsed.value as Readonly<Record<string, unknown>>, seconds, stderr };
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6).toLocaleString('en')} MB`;
const upper = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
