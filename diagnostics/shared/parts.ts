/** A set of examples cut into parts, which run apart and are joined by a run that finds the steps of all of them. */
import type { Part } from '../../protocol/analysis/schema';

/**
 * A row in runs of about equal work, at most `count`, none of them empty. `workOf`: in any unit, above 0. Each ends where the work so far
 * is nearest to its share, so that none is larger than the share and one more.
 */
export function cutEqually<T>(row: readonly T[], workOf: (one: T) => number, count: number): readonly (readonly T[])[] {
  if (row.length === 0) return [];
  const all = row.reduce((sum, one) => sum + workOf(one), 0);
  const runs: T[][] = [[]];
  let done = 0;
  for (const one of row) {
    const work = workOf(one);
    const current = runs.at(-1) ?? [];
    const bound = (all * runs.length) / count;
    // It goes to the run in which most of its work lies.
    if (current.length > 0 && runs.length < count && done + work / 2 > bound) runs.push([one]);
    else current.push(one);
    done += work;
  }
  return runs;
}

/** The part of a row that is asked for, all of it where none is; empty where there are fewer examples than parts. */
export const partOf = <T>(
  row: readonly T[],
  part: Part | undefined,
  workOf: (one: T) => number = () => 1,
): readonly T[] => (part === undefined ? row : (cutEqually(row, workOf, part.of)[part.number - 1] ?? []));
