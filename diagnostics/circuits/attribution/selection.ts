/** Which estimates are held against exact patching. */
import { random, seedFor } from '../../../kernels/tensors/random';
import { groupOf, type Cell } from './cells';

export interface Chosen {
  readonly cell: Cell;
  /** Among the largest estimates. */
  readonly largest: boolean;
  /** Drawn at random. */
  readonly drawn: boolean;
}

/** Fewer points say nothing of a correlation. */
const fewest = 5;

/** How many of the largest cells are patched. */
export const largestCount = (cells: number, percent: number): number =>
  percent === 0 ? 0 : Math.min(cells, Math.max(fewest, Math.ceil((percent / 100) * cells)));

/**
 * Chooses parts or places: the largest estimates, none of 0, and as many as are asked for out of all of them, drawn
 * without looking at the estimates, so that these stand for all. In the order of the cells.
 */
export function chosenOf(
  cells: readonly Cell[],
  estimates: readonly number[],
  { checked, random: draws }: { readonly checked: number; readonly random: number },
  seed: number,
): readonly Chosen[] {
  const size = (at: number): number => Math.abs(estimates[at] ?? 0);
  const chosen = new Map<number, Chosen>();
  for (const group of ['parts', 'places'] as const) {
    const own = [...cells.keys()].filter((at) => groupOf(cells[at]!) === group);
    const largest = own
      .filter((at) => size(at) > 0)
      .sort((a, b) => size(b) - size(a))
      .slice(0, largestCount(own.length, checked));
    const drawn = new Set(drawFrom(own, draws, seedFor(seed, `attribution, ${group}`)));
    for (const at of new Set([...largest, ...drawn])) {
      chosen.set(at, { cell: cells[at]!, largest: largest.includes(at), drawn: drawn.has(at) });
    }
  }
  return [...chosen].sort(([a], [b]) => a - b).map(([, one]) => one);
}

/** Without replacement: the beginning of a shuffled list (Fisher and Yates). */
export function drawFrom(all: readonly number[], count: number, seed: number): readonly number[] {
  const source = random(seed);
  const left = [...all];
  const most = Math.min(count, left.length);
  for (let at = 0; at < most; at++) {
    const other = at + source.whole(left.length - at);
    [left[at], left[other]] = [left[other]!, left[at]!];
  }
  return left.slice(0, most);
}
