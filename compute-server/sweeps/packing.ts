/** Packs units into tasks of about equal work, within the limits of the engine. */
import { cutEqually } from '../../diagnostics/shared/parts';

/** Tasks for each one that runs at the same time: enough that the last ones end close together and a task that dies costs little. */
const tasksEach = 8;

/** Tasks of about equal work, none of them empty. `workOf`: in any unit, above 0. */
export function pack<T>(
  units: readonly T[],
  workOf: (unit: T) => number,
  { mostTasks, atOnce }: { readonly mostTasks: number; readonly atOnce: number },
): readonly (readonly T[])[] {
  const count = Math.min(units.length, mostTasks, Math.max(1, atOnce) * tasksEach);
  return cutEqually(units, workOf, count);
}
