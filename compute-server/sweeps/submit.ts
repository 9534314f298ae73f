/** Submits the cells of a sweep that have no result yet. */
import { lockAnew } from '../../files/lock';
import { FailureError } from '../../protocol/wire/failures';
import type { EngineId } from '../../protocol/sweeps/sweep-file';
import type { Stage, SweepEngine } from './engine';
import type { OpenedSweep } from './opened-sweep';
import { cellWork, type CellWork, type EstimateOfCell } from './cell-work';
import { pack, taskCount } from './packing';
import { StateStore } from './state-store';
import { unitName, type KeptSubmission, type Unit } from './sweep-folder';

/** What a sweep would give an engine now. */
export interface SweepPlan {
  readonly engine: EngineId;
  /** Cells, each key once. */
  readonly total: number;
  /** Cells that have a result. */
  readonly done: number;
  /** Cells of the file that are the same as others of it. */
  readonly twice: number;
  readonly excluded: number;
  /** Runs that are left: a cell, a part of one, or the joining of its parts. */
  readonly units: number;
  readonly tasks: number;
  /** Tasks that run at the same time. */
  readonly atOnce: number;
  /** Why some of the cells will fail, as sentences; only where cells were estimated. */
  readonly refused?: readonly string[];
}

export type Submitted =
  | { readonly ok: true; readonly submission?: KeptSubmission; readonly plan: SweepPlan }
  | { readonly ok: false; readonly why: string };

interface Laid {
  readonly plan: SweepPlan;
  readonly stages: readonly Stage[];
  readonly tasks: readonly (readonly Unit[])[];
}

type Layout = { readonly ok: true; readonly laid: Laid } | { readonly ok: false; readonly why: string };

/**
 * Lays out a submission without writing anything. `estimate` is asked only where its answers count: for packing, or for a memory limit.
 * `only`: of all cells without a result, those with these keys.
 */
export async function planSweep(
  opened: OpenedSweep,
  engine: SweepEngine,
  estimate?: EstimateOfCell,
  only: (key: string) => boolean = () => true,
): Promise<Layout> {
  const { folder, sweep, cells, resources, parts } = opened;
  const planned = await engine.plan(sweep, resources);
  if (!planned.ok) return planned;
  const there = await folder.finished();
  const first: Unit[] = [];
  const second: Unit[] = [];
  const seen = new Set<string>();
  let twice = 0;
  let done = 0;
  for (const cell of cells.all()) {
    const key = await opened.keyOf(cell);
    if (seen.has(key)) {
      twice += 1;
      continue;
    }
    seen.add(key);
    if (there.has(key)) {
      done += 1;
      continue;
    }
    if (!only(key)) continue;
    const whole: Unit = { cell: cell.number, key };
    if (parts === 1) {
      first.push(whole);
      continue;
    }
    for (let part = 1; part <= parts; part++) {
      const unit: Unit = { ...whole, part, of: parts };
      if (!there.has(unitName(unit))) first.push(unit);
    }
    second.push(whole);
  }
  const total = seen.size;
  const { capacity } = planned;
  const counts = resources.memoryBytes !== undefined || taskCount(first.length, capacity) < first.length;
  const known: CellWork | undefined =
    estimate && counts
      ? await cellWork(
          cells,
          [...first, ...second].map(({ cell }) => cell),
          estimate,
        )
      : undefined;
  const [never] = known?.neverFits ?? [];
  if (never !== undefined) return { ok: false, why: never };
  const workOf = ({ cell, of = 1 }: Unit): number => (known?.workOf(cell) ?? 1) / of;
  const packed = [first, second].filter((units) => units.length > 0).map((units) => pack(units, workOf, capacity));
  const tasks = packed.flat();
  if (tasks.length > capacity.mostTasks && packed.length > 1) {
    const why = `The engine takes at most ${capacity.mostTasks} tasks, but the parts and the jobs that join them need ${tasks.length}. Lower split.parts.`;
    return { ok: false, why };
  }
  let next = 0;
  const stages = packed.map((some): Stage => {
    const stage = {
      first: next,
      count: some.length,
      cellsOfTask: some.reduce((most, { length }) => Math.max(most, length), 0),
    };
    next += some.length;
    return stage;
  });
  const plan: SweepPlan = {
    engine: engine.id,
    total,
    done,
    twice,
    excluded: cells.size - total - twice,
    units: first.length + second.length,
    tasks: tasks.length,
    atOnce: capacity.atOnce,
    ...(known && known.refused.length > 0 ? { refused: known.refused } : {}),
  };
  return { ok: true, laid: { plan, stages, tasks } };
}

export interface SubmitOptions {
  readonly engine: SweepEngine;
  /** The engine of an earlier submission; undefined if this version does not have it. */
  readonly engineOf: (id: EngineId) => SweepEngine | undefined;
  /** Program and arguments of a task, without the number of the submission and of the task. */
  readonly command: readonly string[];
  readonly estimate?: EstimateOfCell;
  /** Keys of the cells that are started, of those without a result; absent: all. */
  readonly only?: (key: string) => boolean;
}

export async function submitSweep(
  opened: OpenedSweep,
  { engine, engineOf, command, estimate, only }: SubmitOptions,
): Promise<Submitted> {
  const { folder, sweep } = opened;
  await folder.make();
  const locked = await lockAnew(folder.lockFile);
  if (!locked.ok) {
    const { holder } = locked;
    const who = holder ? `process ${holder.pid} on ${holder.host}` : 'another process';
    return {
      ok: false,
      why: `The sweep is being submitted by ${who}. Wait until that has ended, then look at its status.`,
    };
  }
  try {
    const before = await folder.last();
    if (before && (await isActive(before, engineOf))) {
      const why = `The sweep runs already: it was submitted ${before.created} to ${before.engine}. See its status, or cancel it first.`;
      return { ok: false, why };
    }
    // Its command was ended while the engine took the jobs, and nobody can ask for them: those that start take no cell.
    if (before && before.handle === undefined) await folder.markCancelled(before.number);
    const layout = await planSweep(opened, engine, estimate, only);
    if (!layout.ok) return layout;
    const { plan, stages, tasks } = layout.laid;
    if (plan.units === 0) return { ok: true, plan };
    const number = await folder.nextNumber();
    const store = new StateStore(folder.path);
    await store.gather();
    await folder.keepTasks(number, tasks, opened.text);
    const submission: KeptSubmission = {
      kind: 'headscope-sweep-submission',
      version: 1,
      engine: engine.id,
      created: new Date().toISOString(),
      title: opened.title,
      folder: folder.path,
      number,
      ownFolder: `${folder.submission(number)}/engine`,
      command: [...command, String(number)],
      resources: opened.resources,
      stages,
      tries: sweep.tries ?? 3,
      units: plan.units,
      atOnce: plan.atOnce,
      ...(Object.keys(opened.shell).length === 0 ? {} : { shell: opened.shell }),
    };
    await folder.keep(submission);
    // Submitting again resets the tries of every cell.
    await store.append(tasks.flat().map((unit) => ({ key: unitName(unit), state: 'waiting', tries: 0 })));
    await store.index();
    const kept = { ...submission, handle: await engine.submit(submission) };
    await folder.keep(kept);
    return { ok: true, submission: kept, plan };
  } finally {
    await locked.free();
  }
}

/** Whether an engine still has tasks of a submission that wait or run. */
export async function isActive(
  submission: KeptSubmission,
  engineOf: (id: EngineId) => SweepEngine | undefined,
): Promise<boolean> {
  const { handle } = submission;
  if (handle === undefined) return false;
  const engine = engineOf(submission.engine);
  if (!engine) {
    const detail = `the sweep was submitted to the engine ${submission.engine}, which this version of Headscope does not have. Use the version that submitted it.`;
    throw new FailureError({ code: 'bad-request', detail });
  }
  const states = await engine.status(submission, handle);
  return [...states.values()].some(({ state }) => state === 'waiting' || state === 'running');
}
