/**
 * How the time of a distributed call grows with its workers, by the cost model: the slowest worker computes, then what it
 * passes goes over the link. Nothing overlaps: the core that computes also copies.
 */
import { pairFlops } from '../../cost/attention';
import type { Cost } from '../../cost/cost';
import type { AttentionShape } from '../../shape';
import { gridOf, shapeOfShard, type DistributedParameters } from './distributed-mha';
import { workIn } from './partial';
import { lengthOf, passedNumbers, shardsOf, stepsOf } from './partition';

export interface Link {
  /** A byte counts once, from its owner's memory to its reader's. */
  readonly bytesPerSecond: number;
  /** Seconds that one message to a worker and its answer take. */
  readonly latencySeconds: number;
}

export interface Prediction {
  readonly seconds: number;
  /** Seconds of the worker that computes longest. */
  readonly computeSeconds: number;
  readonly exchangeSeconds: number;
}

export type WorkerCost = Pick<Cost, 'flops' | 'bytes'>;

/** What each worker computes: flops and bytes of its tiles, as `cost` of the mechanism counts them for all together. */
export function workerCosts(shape: AttentionShape, parameters: DistributedParameters): readonly WorkerCost[] {
  const grid = gridOf(parameters);
  const shards = shardsOf(shape, grid);
  return shards.map((shard) => {
    const own = shapeOfShard(shape, shard);
    const perPair = own.batch * own.heads;
    let [flops, bytes] = [0, 0];
    for (const { keys } of stepsOf(shards, shard, grid)) {
      const { pairs, parts } = workIn(shape, shard.rows, keys, parameters);
      flops += pairFlops(own, pairs) + 2 * perPair * parts * (shape.valueDim + 4);
      bytes += 4 * 4 * perPair * pairs + 3 * 4 * perPair * lengthOf(shard.rows) * (shape.valueDim + 1);
    }
    return { flops, bytes };
  });
}

/**
 * `secondsOf` gives the time of one worker alone on its core, e.g. by its roof or by a measured rate. `collected`: the output,
 * 4 b h n dv bytes, is brought to the caller.
 */
export function predictSharded(
  shape: AttentionShape,
  parameters: DistributedParameters,
  secondsOf: (cost: WorkerCost) => number,
  link: Link,
  collected: boolean,
): Prediction {
  const grid = gridOf(parameters);
  const shards = shardsOf(shape, grid);
  const computeSeconds = Math.max(...workerCosts(shape, parameters).map(secondsOf));
  const passed = Math.max(...shards.map((shard) => 4 * passedNumbers(shape, shards, shard, grid)));
  const output = collected ? 4 * shape.batch * shape.heads * shape.queries * shape.valueDim : 0;
  const handed = grid.sequenceWorkers === 1 ? 0 : grid.schedule === 'ring' ? grid.sequenceWorkers - 1 : 1;
  const exchangeSeconds = (passed + output) / link.bytesPerSecond + (1 + handed) * link.latencySeconds;
  return { seconds: computeSeconds + exchangeSeconds, computeSeconds, exchangeSeconds };
}
