/** Packs units into tasks of about equal work, within the limits of the engine. */
import { cutEqually } from '../../diagnostics/shared/parts';

/** Tasks for each one that runs at the same time: enough that the last ones end close together and a task that dies costs little. */
const tasksEach = 8;

type Limits = Readonly<Record<'mostTasks' | 'atOnce', number>>;

/** Into how many tasks so many units are packed. */
export const taskCount = (units: number, { mostTasks, atOnce }: Limits): number =>
  Math.min(units, mostTasks, Math.max(1, atOnce) * tasksEach);

/** Tasks of about equal work, none of them empty. `workOf`: in any unit, above 0. */
export const pack = <T>(units: readonly T[], workOf: (unit: T) => number, limits: Limits): readonly (readonly T[])[] =>
  cutEqually(units, workOf, taskCount(units.length, limits));
