/** The states of tasks by Slurm: from the queue, and for tasks that have left it from sacct, or from the controller while it remembers them. */
import { printableLine } from '../../../protocol/wire/printable';
import { EngineRefusal, type TaskState } from '../engine';
import { ask, fieldsOf } from './commands';
import { lacks } from './task-script';

const running = new Set(['RUNNING', 'COMPLETING', 'STOPPED', 'SIGNALING', 'STAGE_OUT']);
const waiting = new Set([
  'PENDING',
  'CONFIGURING',
  'REQUEUED',
  'REQUEUE_FED',
  'REQUEUE_HOLD',
  'RESIZING',
  'SUSPENDED',
  'SPECIAL_EXIT',
]);

export type Going = { readonly state: 'waiting' | 'running' } | { readonly state: 'held'; readonly reason: string };

/** What is in the queue, by `JOB_INDEX`. */
export async function goingTasks(jobs: readonly string[]): Promise<ReadonlyMap<string, Going>> {
  const going = new Map<string, Going>();
  if (jobs.length === 0) return going;
  const { stdout } = await answered('squeue', ['-h', '-r', '-j', jobs.join(','), '-o', '%F_%K|%T|%r']);
  for (const line of stdout.split('\n')) {
    const [task = '', state = '', reason = ''] = line.split('|');
    if (running.has(state)) going.set(task, { state: 'running' });
    // It would wait forever.
    else if (/held|DependencyNeverSatisfied/iu.test(reason)) going.set(task, { state: 'held', reason });
    else if (waiting.has(state)) going.set(task, { state: 'waiting' });
  }
  return going;
}

/** squeue fails for a job that it no longer knows; here that is an empty answer. */
async function answered(...asked: Parameters<typeof ask>): ReturnType<typeof ask> {
  const answer = await ask(...asked);
  if (answer.code === 0 || /invalid job id/iu.test(answer.stderr)) return answer;
  const { stderr } = answer;
  throw new EngineRefusal(
    `Slurm does not report the state of the jobs (${printableLine(stderr.trim().split('\n').at(-1) ?? '')}). Try again later. Jobs that were submitted keep running.`,
  );
}

/** How tasks ended that are no longer in the queue, by `JOB_INDEX`. */
export async function endedTasks(jobs: readonly string[]): Promise<ReadonlyMap<string, End>> {
  const ends = new Map<string, End>();
  const words = ['-n', '-P', '-X', '-D', '-j', jobs.join(','), '--format=JobID,State,ExitCode,NodeList'];
  const accounting = await ask('sacct', words).catch(() => undefined);
  if (accounting?.code === 0 && accounting.stdout.trim() !== '') {
    for (const line of accounting.stdout.split('\n')) {
      const [task = '', state = '', exit = '', node = ''] = line.split('|');
      // The last line counts for a task that was requeued.
      if (task !== '') ends.set(task, { state: state.split(' ')[0] ?? '', ...exitOf(exit), node });
    }
    return ends;
  }
  for (const job of jobs) {
    const { code, stdout } = await ask('scontrol', ['show', 'job', '-o', job]);
    if (code !== 0) continue;
    for (const line of stdout.split('\n')) {
      const fields = fieldsOf(line);
      const task = `${fields.get('ArrayJobId') ?? fields.get('JobId')}_${fields.get('ArrayTaskId')}`;
      const state = fields.get('JobState') ?? '';
      ends.set(task, { state, ...exitOf(fields.get('ExitCode') ?? ''), node: fields.get('NodeList') ?? '' });
    }
  }
  return ends;
}

export interface End {
  readonly state: string;
  readonly code: number;
  readonly signal: number;
  readonly node: string;
}

/** `CODE:SIGNAL`. */
function exitOf(text: string): Pick<End, 'code' | 'signal'> {
  const [code = '0', signal = '0'] = text.split(':');
  return { code: Number(code), signal: Number(signal) };
}

export interface Task {
  readonly folder: string;
  /** Program and script. */
  readonly command: readonly string[];
  /** What it wrote last. */
  readonly said: string;
}

export function stateOfEnd({ state, code, signal, node }: End, task: Task): TaskState {
  const at = node === '' ? 'Its node' : `The node ${printableLine(node)}`;
  switch (state) {
    case 'COMPLETED':
      return { state: 'ended' };
    case 'TIMEOUT':
    case 'DEADLINE':
      return died('It exceeded its time limit. Raise resources.time; finished steps are kept');
    case 'OUT_OF_MEMORY':
      return died('It exceeded its memory limit. Raise resources.memory');
    case 'NODE_FAIL':
    case 'BOOT_FAIL':
      return died(`${at} failed, and Slurm did not requeue the job`);
    case 'CANCELLED':
    case 'REVOKED':
      return died('It was cancelled in Slurm');
    case 'PREEMPTED':
      return died('Slurm preempted it for other jobs');
    default:
      if (signal > 0) return died(`It was killed by signal ${signal}`);
      return stateOfCode(code, task, at);
  }
}

/** By the exit code of the script. */
export function stateOfCode(code: number, { folder, command, said }: Task, at: string): TaskState {
  const [program = '', script = ''] = command;
  const words = said === '' ? '' : ` It said: ${printableLine(said)}`;
  const unpack =
    'Unpack what npm run package:cli makes into a folder that all nodes share, and submit with its headscope';
  switch (code) {
    case 0:
      return { state: 'ended' };
    case lacks.folder:
      return died(`${at} does not see ${folder}. Put the sweep into a folder that all nodes share`);
    case lacks.program:
      return died(`${at} has no ${program} or no ${script}. ${unpack}`);
    case lacks.start:
      return died(`${program} does not start Headscope on ${at.toLowerCase()}. ${unpack}.${words}`);
    case lacks.room:
      return died(`${at} cannot write to ${folder}. Free disk space, or correct the permissions of the folder`);
    default:
      return died(`Its process ended with exit code ${code}.${words}`);
  }
}

const died = (reason: string): TaskState => ({ state: 'died', reason: reason.replace(/\.?$/u, '.') });
