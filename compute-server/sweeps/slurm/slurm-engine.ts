/**
 * The engine of a Slurm cluster: a job array for each stage. Slurm requeues the jobs of a node that fails. A second array waits for tasks
 * that fail in another way; Slurm drops it if all succeed. A task that finds its results ends at once, so that nothing is computed twice.
 */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { writeInOneStep } from '../../../files/write-file';
import type { SweepFile } from '../../../protocol/sweeps/sweep-file';
import { printableLine } from '../../../protocol/wire/printable';
import {
  EngineRefusal,
  type EngineHandle,
  type Planned,
  type Stage,
  type Submission,
  type SweepEngine,
  type TaskState,
} from '../engine';
import { clusterFor } from './cluster';
import { ask, outputOf, type Asked } from './commands';
import { endedTasks, goingTasks, stateOfCode, stateOfEnd, type Task } from './job-states';
import { endsFolder, logFile, taskScript } from './task-script';

/** The arrays of a stage: the first one, and the one that waits for its failures. */
interface StageJobs {
  readonly first: number;
  readonly count: number;
  readonly jobs: readonly string[];
}

/** A sweep of one task and try has no second array. */
const handleOf = (stages: readonly StageJobs[]): EngineHandle => ({ stages });

function stagesIn({ stages }: EngineHandle): readonly StageJobs[] {
  return Array.isArray(stages) ? (stages as readonly StageJobs[]) : [];
}

const jobsIn = (handle: EngineHandle): readonly string[] => stagesIn(handle).flatMap(({ jobs }) => jobs);

/** Slurm ends what it cancels within KillWait, 30 s by default. */
const longestEndMs = 120_000;

/** `slurm`: the settings of the sweep's file. */
export function slurmEngine(sweep: SweepFile): SweepEngine {
  const { slurm = {} } = sweep;
  const options = [
    ...(slurm.partition === undefined ? [] : [`--partition=${slurm.partition}`]),
    ...(slurm.account === undefined ? [] : [`--account=${slurm.account}`]),
    ...(slurm.options ?? []),
  ];
  return {
    id: 'slurm',
    async plan(of, resources): Promise<Planned> {
      try {
        const { capacity } = await clusterFor(of, resources);
        return { ok: true, capacity };
      } catch (error) {
        if (!(error instanceof EngineRefusal)) throw error;
        return { ok: false, why: error.message };
      }
    },
    async submit(submission) {
      const { ownFolder, tries } = submission;
      await mkdir(endsFolder(ownFolder), { recursive: true });
      await mkdir(join(ownFolder, 'logs'), { recursive: true });
      const { mostSeconds } = await clusterFor(sweep, submission.resources);
      const stages: StageJobs[] = [];
      try {
        let after: string | undefined;
        for (const stage of submission.stages) {
          const script = join(ownFolder, `stage-${stage.first}.sh`);
          await writeInOneStep(script, taskScript(submission, stage, slurm.setup ?? []));
          const words = [...wordsOf(submission, stage, mostSeconds), ...options];
          const jobs: string[] = [];
          const sbatch = async (...more: string[]): Promise<void> => {
            const comment = `headscope:${submission.folder}:${submission.number}:${stage.first}:${jobs.length}`;
            jobs.push(await submitted(comment, ['--parsable', ...words, ...more, script], slurm));
          };
          stages.push({ first: stage.first, count: stage.count, jobs });
          await sbatch(...(after === undefined ? [] : [`--dependency=afterany:${after}`]));
          if (tries > 1) await sbatch(`--dependency=afternotok:${jobs[0] ?? ''}`, '--kill-on-invalid-dep=yes');
          after = jobs.join(':');
        }
      } catch (error) {
        // Without the rest, the first stages would run for nothing.
        const jobs = jobsIn(handleOf(stages));
        if (jobs.length > 0) await outputOf('scancel', jobs).catch(() => undefined);
        throw error;
      }
      return handleOf(stages);
    },
    status: (submission, handle) => statesOf(submission, handle),
    async cancel(submission, handle) {
      const jobs = jobsIn(handle);
      if (jobs.length === 0) return;
      await outputOf('scancel', ['--quiet', ...jobs]);
      for (const until = Date.now() + longestEndMs; Date.now() < until; await pause(500)) {
        const going = [...(await goingTasks(jobs)).values()];
        if (!going.some(({ state }) => state === 'waiting' || state === 'running')) return;
      }
      throw new EngineRefusal(
        `Slurm has not ended all jobs of ${submission.title} yet. squeue -j ${jobs.join(',')} shows them; cancel again.`,
      );
    },
  };
}

/** Submits a job and gives its number. If no answer came, the comment of the job shows whether Slurm has it. */
async function submitted(comment: string, words: readonly string[], asked: Asked): Promise<string> {
  try {
    const said = await outputOf('sbatch', [`--comment=${comment}`, ...words], asked);
    // `ID` or `ID;CLUSTER`.
    return said.trim().split(';')[0] ?? '';
  } catch (error) {
    const queue = await ask('squeue', ['-h', '-o', '%F|%k']);
    const line = queue.stdout.split('\n').find((one) => one.endsWith(`|${comment}`));
    if (line === undefined) throw error;
    return line.split('|')[0] ?? '';
  }
}

/** Options of sbatch that follow from the sweep. */
function wordsOf(
  { title, resources }: Submission,
  { count, cellsOfTask }: Stage,
  mostSeconds: number | undefined,
): readonly string[] {
  const { threads, memoryBytes, gpus, secondsOfCell } = resources;
  // Slurm counts in minutes. The cells of a task run one after the other.
  const asked = secondsOfCell === undefined ? undefined : secondsOfCell * Math.max(1, cellsOfTask);
  const seconds = asked === undefined ? undefined : Math.min(asked, mostSeconds ?? Infinity);
  return [
    `--job-name=headscope ${title}`.slice(0, 100),
    `--array=0-${count - 1}`,
    '--requeue',
    // The folder may not be there on the node: the script looks, and writes its own log.
    '--chdir=/',
    '--output=/dev/null',
    '--error=/dev/null',
    `--cpus-per-task=${Math.max(1, threads)}`,
    ...(memoryBytes === undefined ? [] : [`--mem=${Math.ceil(memoryBytes / 2 ** 20)}M`]),
    ...(gpus > 0 ? [`--gres=gpu:${gpus}`] : []),
    ...(seconds === undefined ? [] : [`--time=${Math.max(1, Math.ceil(seconds / 60))}`]),
  ];
}

async function statesOf(submission: Submission, handle: EngineHandle): Promise<ReadonlyMap<number, TaskState>> {
  const codes = codesIn(await readdir(endsFolder(submission.ownFolder)).catch(() => []));
  const jobs = jobsIn(handle);
  const going = await goingTasks(jobs);
  const states = new Map<number, TaskState>();
  /** Neither in the queue nor ended by themselves. */
  const lost: { readonly task: number; readonly names: readonly string[]; readonly held: string | undefined }[] = [];
  for (const stage of stagesIn(handle)) {
    for (let at = 0; at < stage.count; at += 1) {
      const task = stage.first + at;
      const names = stage.jobs.map((job) => `${job}_${at}`);
      const own = names.flatMap((name) => going.get(name) ?? []);
      const code = codes.get(task);
      if (code === 0) states.set(task, { state: 'ended' });
      else if (own.some(({ state }) => state === 'running')) states.set(task, { state: 'running' });
      else if (own.some(({ state }) => state === 'waiting')) states.set(task, { state: 'waiting' });
      else if (code !== undefined) states.set(task, await endOf(submission, task, code));
      else lost.push({ task, names, held: own.flatMap((one) => (one.state === 'held' ? [one.reason] : []))[0] });
    }
  }
  if (lost.length === 0) return states;
  const ended = await endedTasks(jobs);
  for (const { task, names, held } of lost) {
    const known = names.flatMap((name) => ended.get(name) ?? []);
    // The second array is dropped where the first one went well.
    const last = known.findLast(({ state }) => state !== 'CANCELLED') ?? known.at(-1);
    if (held !== undefined && !/dependency/iu.test(held))
      states.set(task, { state: 'died', reason: heldWords(held, names) });
    else if (last !== undefined) states.set(task, stateOfEnd(last, await taskOf(submission, task)));
  }
  return states;
}

const heldWords = (reason: string, [name = '']: readonly string[]): string =>
  `Slurm holds it (${reason}). scontrol release ${name} releases it when the node is repaired.`;

/** Exit codes of the scripts that have ended. If one start of a task succeeded, that one counts. */
function codesIn(names: readonly string[]): ReadonlyMap<number, number> {
  const codes = new Map<number, number>();
  for (const name of names) {
    const [, task, code] = /^(\d+)\.(\d+)$/u.exec(name) ?? [];
    if (task !== undefined && codes.get(Number(task)) !== 0) codes.set(Number(task), Number(code));
  }
  return codes;
}

async function endOf(submission: Submission, task: number, code: number): Promise<TaskState> {
  const node = await readFile(join(endsFolder(submission.ownFolder), `${task}.${code}`), 'utf8').catch(() => '');
  return stateOfCode(code, await taskOf(submission, task), `The node ${printableLine(node.trim())}`);
}

const tailBytes = 400;

async function taskOf({ folder, command, ownFolder }: Submission, task: number): Promise<Task> {
  const log = await readFile(logFile(ownFolder, task), 'utf8').catch(() => '');
  const said = log.slice(-tailBytes).trim().split('\n').at(-1) ?? '';
  return { folder, command, said };
}
