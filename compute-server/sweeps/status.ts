/** The status of a sweep: from the results that exist, what tasks wrote, and what the engine reports. */
import { lockAnew } from '../../files/lock';
import type { EngineId } from '../../protocol/sweeps/sweep-file';
import { cellStates, type CellState, type CellStatus, type SweepStatus } from '../../protocol/sweeps/sweep-status';
import type { SweepEngine, TaskState } from './engine';
import type { KeyedCell, OpenedSweep } from './opened-sweep';
import { StateStore, type KeptState } from './state-store';
import { unitName, type KeptSubmission } from './sweep-folder';

const lost = 'Its process ended before the cell was done. Submit the sweep again.';

export async function statusOf(
  opened: OpenedSweep,
  engineOf: (id: EngineId) => SweepEngine | undefined,
): Promise<SweepStatus> {
  const { folder, parts, sweep, cells } = opened;
  const store = new StateStore(folder.path);
  const submission = await folder.last();
  const engine = submission && engineOf(submission.engine);
  const tasks: ReadonlyMap<number, TaskState> =
    submission?.handle && engine ? await engine.status(submission, submission.handle) : new Map();
  const active = [...tasks.values()].some(({ state }) => state === 'waiting' || state === 'running');
  // A running sweep gathers its journals itself; afterwards, the next reader does.
  const states = active || !submission ? await store.read() : await gathered(store, folder.lockFile);
  const [there, logs] = [await folder.finished(), await folder.logged()];
  const words = submission ? await wordsByUnit(opened, submission, tasks) : new Map<string, UnitWords>();

  const stateOf = (name: string): KeptState => {
    if (there.has(name)) return { ...(states.get(name) ?? { tries: 0 }), state: 'done' };
    const known = states.get(name);
    if (!known) return { state: 'open', tries: 0 };
    if (known.state === 'done')
      return { state: 'open', tries: known.tries, reason: 'Its result is no longer there. Submit the sweep again.' };
    if (known.state !== 'waiting' && known.state !== 'running') return known;
    const { died, waits } = words.get(name) ?? {};
    if (died !== undefined) return { ...known, state: 'failed', reason: died };
    if (waits !== undefined && known.state === 'waiting') return { ...known, reason: waits };
    return active ? known : { state: 'open', tries: known.tries, ...(known.tries > 0 ? { reason: lost } : {}) };
  };
  const cellOf = ({ cell, key }: KeyedCell): CellStatus => {
    const whole = stateOf(key);
    const some =
      parts === 1 || whole.state === 'done'
        ? []
        : Array.from({ length: parts }, (_, at) =>
            stateOf(unitName({ cell: cell.number, key, part: at + 1, of: parts })),
          );
    const { state, tries, seconds, reason } = some.length === 0 ? whole : joined(whole, some);
    const done = some.filter((part) => part.state === 'done').length;
    return {
      key,
      state,
      tries,
      ...(state === 'done' ? { file: `results/${key}.json` } : {}),
      ...(reason === undefined || state === 'done' ? {} : { reason }),
      ...(logs.has(key) ? { log: `logs/${key}.log` } : {}),
      cell: cell.number,
      settings: cell.own,
      ...(seconds === undefined ? {} : { seconds }),
      ...(some.length === 0 ? {} : { parts: { done, total: parts } }),
    };
  };
  const rows: CellStatus[] = [];
  for await (const keyed of opened.keyed()) rows.push(cellOf(keyed));
  const counts = Object.fromEntries(cellStates.map((state) => [state, 0])) as Record<CellState, number>;
  for (const { state } of rows) counts[state] += 1;
  const left = secondsLeft(rows, submission, active);
  return {
    title: opened.title,
    run: sweep.run,
    ...(submission ? { engine: submission.engine } : {}),
    cells: rows,
    done: counts.done,
    total: rows.length,
    states: counts,
    axes: cells.axes,
    ...(left === undefined ? {} : { secondsLeft: left }),
    active,
  };
}

async function gathered(store: StateStore, lockFile: string): Promise<ReadonlyMap<string, KeptState>> {
  const locked = await lockAnew(lockFile).catch(() => undefined);
  // A folder that may not be written to is still read.
  if (!locked?.ok) return store.read();
  try {
    return await store.gather();
  } finally {
    await locked.free();
  }
}

interface UnitWords {
  /** Why the engine gave its task up. */
  readonly died?: string;
  /** What its task waits for. */
  readonly waits?: string;
}

/** What the engine says of tasks, for their units that have not ended. */
async function wordsByUnit(
  { folder }: OpenedSweep,
  submission: KeptSubmission,
  tasks: ReadonlyMap<number, TaskState>,
): Promise<ReadonlyMap<string, UnitWords>> {
  const words = new Map<string, UnitWords>();
  for (const [number, task] of tasks) {
    const own: UnitWords =
      task.state === 'died'
        ? { died: `Its task ended early: ${task.reason.replace(/\.?$/u, '.')} Submit the sweep again.` }
        : task.state === 'waiting' && task.why !== undefined
          ? { waits: task.why }
          : {};
    if (Object.keys(own).length === 0) continue;
    for (const unit of (await folder.unitsOf(submission.number, number)) ?? []) words.set(unitName(unit), own);
  }
  return words;
}

/** The state of a cell whose set is cut, from its parts. */
function joined(whole: KeptState, parts: readonly KeptState[]): KeptState {
  const tries = Math.max(whole.tries, ...parts.map((part) => part.tries));
  const failed = [whole, ...parts].find(({ state }) => state === 'failed');
  if (failed) return { ...failed, tries };
  const begun = parts.some(({ state }) => state === 'running' || state === 'done') && whole.state === 'waiting';
  return { ...whole, tries, state: begun ? 'running' : whole.state };
}

/** By the mean time of the cells that are done. */
function secondsLeft(
  rows: readonly CellStatus[],
  submission: KeptSubmission | undefined,
  active: boolean,
): number | undefined {
  const times = rows.flatMap(({ state, seconds }) => (state === 'done' && seconds !== undefined ? [seconds] : []));
  const left = rows.filter(({ state }) => state === 'waiting' || state === 'running').length;
  if (!active || !submission || times.length === 0 || left === 0) return undefined;
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
  return (mean * left) / Math.max(1, Math.min(submission.atOnce, left));
}
