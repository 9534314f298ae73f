/**
 * The interface of an engine, which runs the jobs of a sweep. An engine knows nothing about cells: it starts tasks (`command` with the
 * number of the task) and reports the state of each. What a task does (cells, tries, results, the journal) is the same for all engines
 * (`work.ts`), so a task that died is simply started again.
 */
import type { SweepFile } from '../../protocol/sweeps/sweep-file';
import type { EngineId } from '../../protocol/sweeps/sweep-file';

/** What one task may use. Its cells run one after the other, so this is what a cell may use. */
export interface TaskResources {
  /** 0: as many as there are. */
  readonly threads: number;
  /** Absent: no limit is set. */
  readonly memoryBytes?: number;
  readonly gpus: number;
  /** Time limit of one cell; absent: no limit is set. The limit of a task is that times its cells. */
  readonly secondsOfCell?: number;
}

/** How many tasks an engine takes. */
export interface Capacity {
  /** The most tasks of one submission. */
  readonly mostTasks: number;
  /** How many tasks run at the same time, as far as is known. */
  readonly atOnce: number;
}

/** Tasks that start together. Those of a later stage start when all of the earlier ones have ended, however they ended. */
export interface Stage {
  /** Numbers of its tasks, `first` to `first + count - 1`. */
  readonly first: number;
  readonly count: number;
  /** Cells of its largest task. */
  readonly cellsOfTask: number;
}

export interface Submission {
  /** For names of jobs. */
  readonly title: string;
  /** Absolute path of the folder of the sweep, which every node must see. */
  readonly folder: string;
  /** Counts the submissions of a sweep from 1. */
  readonly number: number;
  /** Where the engine may keep files of its own (scripts, outputs of tasks); it exists. */
  readonly ownFolder: string;
  /** Program and arguments of a task; the number of the task is added at the end. */
  readonly command: readonly string[];
  readonly resources: TaskResources;
  readonly stages: readonly Stage[];
  /** How many times a task that dies is started in all. */
  readonly tries: number;
}

/**
 * `ended`: its process ended by itself, whatever became of its cells; `died`: it was killed, ran out of memory or time, or its node
 * failed, and the engine does not start it again; `gone`: the engine no longer knows it.
 */
export type TaskState =
  /** `why`: what it waits for, as a sentence, where that is not only its turn. */
  | { readonly state: 'waiting'; readonly why?: string }
  | { readonly state: 'running' | 'ended' | 'gone' }
  | { readonly state: 'died'; readonly reason: string };

/** What an engine needs to find the jobs of a submission again: plain JSON, kept in `submission.json`. */
export type EngineHandle = Readonly<Record<string, unknown>>;

/** The engine is missing, does not answer, or refuses: one sentence with a next step. */
export class EngineRefusal extends Error {}

export interface SweepEngine {
  readonly id: EngineId;
  /** Refused with a sentence and a next step: no such program, partition or account, a cell that fits no node. */
  plan(sweep: SweepFile, resources: TaskResources): Promise<Planned>;
  /** This and what follows throw an EngineRefusal. */
  submit(submission: Submission): Promise<EngineHandle>;
  /** By the number of the task. A task that is not in the map is `gone`. */
  status(submission: Submission, handle: EngineHandle): Promise<ReadonlyMap<number, TaskState>>;
  /** Ends what runs and takes back what waits; done when nothing of it runs any more. */
  cancel(submission: Submission, handle: EngineHandle): Promise<void>;
}

export type Planned = { readonly ok: true; readonly capacity: Capacity } | { readonly ok: false; readonly why: string };
