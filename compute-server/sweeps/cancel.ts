/** Cancels a sweep: stops running cells, withdraws waiting ones, and keeps results. */
import { lockAnew } from '../../files/lock';
import type { EngineId } from '../../protocol/sweeps/sweep-file';
import type { SweepEngine } from './engine';
import type { OpenedSweep } from './opened-sweep';
import { isActive } from './submit';
import { StateStore } from './state-store';
import { unitName } from './sweep-folder';

/** How many cells or parts were cancelled; undefined if nothing was running. */
export async function cancelSweep(
  { folder }: OpenedSweep,
  engineOf: (id: EngineId) => SweepEngine | undefined,
): Promise<number | undefined> {
  const submission = await folder.last();
  const engine = submission && engineOf(submission.engine);
  if (!submission?.handle || !engine || !(await isActive(submission, engineOf))) return undefined;
  // Tasks that start meanwhile run no cell.
  await folder.markCancelled(submission.number);
  await engine.cancel(submission, submission.handle);
  const locked = await lockAnew(folder.lockFile);
  try {
    const store = new StateStore(folder.path);
    const states = await store.gather();
    const there = await folder.finished();
    const units = await folder.allUnits(submission.number);
    const open = units.map(unitName).filter((name) => {
      const state = states.get(name)?.state;
      return !there.has(name) && (state === 'waiting' || state === 'running' || state === 'cancelled');
    });
    await store.append(open.map((key) => ({ key, state: 'cancelled', tries: states.get(key)?.tries ?? 0 })));
    return open.length;
  } finally {
    if (locked.ok) await locked.free();
  }
}
