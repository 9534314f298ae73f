/** What handing a tensor to another process costs here: the bandwidth of the exchange files, the latency of a call. */
import { distributedMha, type DistributedParameters } from '../../kernels/mechanisms/distributed/distributed-mha';
import type { Link } from '../../kernels/mechanisms/distributed/scaling';
import { parametersOf } from '../harness/cell';
import { summary } from '../harness/statistics/summary';
import { openExchange, partFile, readArrays, removeExchange, writeArrays } from './exchange';
import { ShardedRun } from './sharded-run';

const numbers = 4 * 2 ** 20;
const transfers = 12;
const calls = 50;

export async function measureLink(entry: string, signal: AbortSignal): Promise<Link> {
  return { bytesPerSecond: bandwidth(), latencySeconds: (await latencyMs(entry, signal)) / 1000 };
}

/** 16.8 MB written and read once: what the median of twelve gives; the first makes the file's pages. */
function bandwidth(): number {
  const folder = openExchange();
  try {
    const [from, to] = [new Float32Array(numbers).fill(1), new Float32Array(numbers)];
    const seconds: number[] = [];
    for (let count = 0; count <= transfers; count++) {
      const start = performance.now();
      writeArrays(partFile(folder, 0, 0), [from]);
      readArrays(partFile(folder, 0, 0), [to]);
      if (count > 0) seconds.push((performance.now() - start) / 1000);
    }
    return (4 * numbers) / summary(seconds).median;
  } finally {
    removeExchange(folder);
  }
}

/** A call of one worker on one position: its attention takes no time that could be seen. */
async function latencyMs(entry: string, signal: AbortSignal): Promise<number> {
  const parameters = parametersOf(distributedMha, { headWorkers: 1, sequenceWorkers: 1 }) as DistributedParameters;
  const one = { batch: 1, heads: 1, kvHeads: 1, queries: 1, keys: 1, headDim: 1, valueDim: 1 };
  const run = await ShardedRun.open(
    { shape: { pattern: 'noncausal-self', ...one }, parameters, seed: 0 },
    { entry, signal },
  );
  try {
    const times: number[] = [];
    for (let count = 0; count < calls; count++) times.push((await run.run({ collect: false })).ms);
    return summary(times).median;
  } finally {
    await run.close();
  }
}
