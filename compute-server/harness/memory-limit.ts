/** Before anything is allocated: what a cell will need by its cost model, and the longest length that fits. */
import type { BenchmarkSetup } from '../../protocol/results/benchmark-schema';
import { FailureError, type Failure } from '../../protocol/wire/failures';
import { cellAt, costOf, supportOf, type Cell } from './cell';

/** Peak of the kernel's live tensors by the cost model, in bytes (inputs and output included). */
export const predictedPeakBytes = (cell: Cell): number => costOf(cell).peakBytes;

/**
 * What the process needs to measure the cell: the kernel's peak, and the float64 inputs from which reference and feeds are
 * made (twice the width of float32).
 */
export function neededBytes(cell: Cell): number {
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = cell.shape;
  const inputs = batch * (heads * queries * headDim + kvHeads * keys * (headDim + valueDim));
  return predictedPeakBytes(cell) + inputs * 8;
}

/** The failure of a cell that needs more than the limit. */
export function overLimit(cell: Cell, plan: BenchmarkSetup, limit: number): FailureError | undefined {
  const needed = neededBytes(cell);
  if (needed <= limit) return undefined;
  const fitting = longestFitting(cell, plan, limit);
  return new FailureError({
    code: 'out-of-memory',
    neededBytes: needed,
    limitBytes: limit,
    ...(fitting === undefined ? {} : { fittingLength: fitting }),
  });
}

/**
 * The failure of a plan of which no cell fits: that of the mechanism which asks for the shortest length, by its smallest cell,
 * so that at the length it names every mechanism fits. Undefined when a cell fits, or none is possible.
 */
export function nothingFits(cells: readonly Cell[], plan: BenchmarkSetup, limit: number): FailureError | undefined {
  const possible = cells.filter((cell) => supportOf(cell).ok);
  const refused = possible.map((cell) => ({ cell, failure: overLimit(cell, plan, limit)?.failure }));
  let worst: OutOfMemory | undefined;
  for (const { cell, failure } of refused) {
    if (failure?.code !== 'out-of-memory') return undefined;
    const named = { ...failure, mechanism: cell.mechanism.id };
    const [asked, least] = [failure.fittingLength ?? 0, worst?.fittingLength ?? 0];
    if (!worst || asked < least || (asked === least && failure.neededBytes < worst.neededBytes)) worst = named;
  }
  return worst && new FailureError(worst);
}

type OutOfMemory = Extract<Failure, { readonly code: 'out-of-memory' }>;

/** The longest supported length below the cell's that needs no more than the limit, to a multiple of 64 where one fits. */
function longestFitting(cell: Cell, plan: BenchmarkSetup, limit: number): number | undefined {
  const fits = (length: number) => {
    const shorter = cellAt(cell.mechanism, plan, length);
    return supportOf(shorter).ok && neededBytes(shorter) <= limit;
  };
  let [low, high] = [0, cell.length];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  const round = low - (low % 64);
  if (round > 0 && fits(round)) return round;
  return low > 0 ? low : undefined;
}
