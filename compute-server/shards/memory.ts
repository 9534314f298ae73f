/** What a sharded run needs at most, estimated before it is started. */
import { gridOf, type DistributedParameters } from '../../kernels/mechanisms/distributed/distributed-mha';
import type { AttentionShape } from '../../kernels/shape';
import { FailureError } from '../../protocol/wire/failures';

/** One grid with its shape: all of a run are open together. */
export interface ShardedCell {
  readonly shape: AttentionShape;
  readonly parameters: DistributedParameters;
}

/**
 * Bytes of all processes together. Letters as in cost/attention.ts, N = b n (h d + hkv (d + e)) numbers of queries, keys and
 * values, O = b h n e of the output, P workers.
 * The caller: 8 N in float64, 4 N in float32 for `fused`, 12 O for outputs and the proof. Of each grid: 4 N + 4 O split over its
 * workers, keys and values again for each further worker of a gather or once more for the inbox of a ring, the scores of one
 * tile of `rows` x `block` and head for each worker. While a grid opens, 8 N in each of its workers, which draws everything.
 */
function shardedBytes(cells: readonly ShardedCell[]): number {
  const numbers = ({ shape }: ShardedCell) => {
    const { batch, heads, kvHeads, keys, headDim, valueDim } = shape;
    const keyValue = batch * keys * kvHeads * (headDim + valueDim);
    return { all: batch * keys * heads * headDim + keyValue, keyValue, output: batch * heads * keys * valueDim };
  };
  const most = (of: (cell: ShardedCell) => number) => Math.max(...cells.map(of));
  const caller = most((cell) => 12 * numbers(cell).all + 12 * numbers(cell).output);
  const drawing = most((cell) => 8 * numbers(cell).all * workersOf(cell));
  const open = cells.map((cell) => {
    const { all, keyValue, output } = numbers(cell);
    const { rows, block } = cell.parameters;
    const { schedule, sequenceWorkers } = gridOf(cell.parameters);
    const copies = schedule === 'gather' ? sequenceWorkers : Math.min(1, sequenceWorkers - 1);
    const tile = cell.shape.batch * cell.shape.heads * rows * Math.min(block, cell.shape.keys);
    return 4 * (all + output + copies * keyValue + 2 * tile * workersOf(cell));
  });
  return caller + drawing + open.reduce((sum, bytes) => sum + bytes, 0);
}

const workersOf = ({ parameters }: ShardedCell): number => {
  const { headWorkers, sequenceWorkers } = gridOf(parameters);
  return headWorkers * sequenceWorkers;
};

/** Throws with the memory needed, the memory available and the longest length that fits, a multiple of 64. */
export function refuseOverLimit(
  cellsAt: (length: number) => readonly ShardedCell[],
  length: number,
  limit: number,
): void {
  const needed = shardedBytes(cellsAt(length));
  if (needed <= limit) return;
  let [low, high] = [0, Math.ceil(length / 64)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (shardedBytes(cellsAt(64 * middle)) <= limit) low = middle;
    else high = middle;
  }
  throw new FailureError({
    code: 'out-of-memory',
    neededBytes: needed,
    limitBytes: limit,
    ...(low === 0 ? {} : { fittingLength: 64 * low }),
  });
}
