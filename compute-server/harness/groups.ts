/** Which cells of one length are open at the same time. */
import type { Cell } from './cell';

/**
 * Sessions keep their memory between runs, so only as many mechanisms are open at once as fit together beside the baseline.
 * The baseline takes part in every group: ratios are by pairs.
 */
export function groups(
  baseline: Cell | undefined,
  others: readonly Cell[],
  limit: number,
  neededBytes: (cell: Cell) => number,
): Cell[][] {
  const base = baseline ? neededBytes(baseline) : 0;
  const result: Cell[][] = [];
  let room = -1;
  for (const cell of others) {
    const needed = neededBytes(cell);
    if (needed > room || result.length === 0) {
      result.push(baseline ? [baseline] : []);
      room = limit - base;
    }
    result.at(-1)!.push(cell);
    room -= needed;
  }
  return result.length > 0 ? result : baseline ? [[baseline]] : [];
}
