/**
 * The two ceilings of a device, measured on it. Arithmetic: products of 2048 x 2048 float32 matrices (a multiply-add counts
 * as two operations). Bandwidth: sign changes of 128 MB, far more than a cache holds, counting each read and each write once
 * (what the memory reads to fill a line before a write is not counted). Both are chained inside the graph, so that moving
 * data to and from a graphics card does not count; the best of the runs is taken, because a ceiling is what can be reached.
 */
import { GraphBuilder } from '../../kernels/graph/builder';
import type { Graph } from '../../kernels/graph/graph';
import { negate } from '../../kernels/graph/operators/elementwise';
import { matmul } from '../../kernels/graph/operators/matrix';
import { slice } from '../../kernels/graph/operators/layout';
import type { Value } from '../../kernels/graph/records';
import type { Roof } from '../../protocol/results/benchmark';
import { openSession } from '../runtime/session';
import type { DeviceId } from '../runtime/session';

const side = 2048;
const products = 4;
/** float32 numbers of one copied array: 128 MB. */
const copied = 32 * 2 ** 20;
const copies = 4;
/** From this size on an array does not come from a cache, and the measured bandwidth bounds it. */
export const beyondCaches = copied * 4;

const secondsEach = 2;

export async function measureRoof({ device, threads }: { device: DeviceId; threads: number }): Promise<Roof> {
  const numbers = (length: number) => Float32Array.from({ length }, (_, i) => ((i * 7919) % 1009) / 1009 - 0.5);
  const gemm = await bestSeconds(
    chain([side, side], products, (x) => matmul(x, x)),
    numbers(side * side),
    device,
    threads,
  );
  const copy = await bestSeconds(
    chain([copied], copies, (x) => negate(x)),
    new Float32Array(copied),
    device,
    threads,
  );
  return {
    peakGflops: (products * 2 * side ** 3) / gemm / 1e9,
    peakBandwidthGBs: (copies * 2 * 4 * copied) / copy / 1e9,
    measured: new Date().toISOString(),
  };
}

/** `length` applications of an operator; one row comes out, so that fetching it costs nothing. */
function chain(shape: readonly number[], length: number, apply: (x: Value) => Value): Graph {
  const graph = new GraphBuilder('roof');
  let value = graph.input('x', 'float32', shape);
  for (let step = 0; step < length; step++) value = apply(value);
  graph.output(slice(value, 0, 0, 1), 'last');
  return graph.finish();
}

async function bestSeconds(graph: Graph, data: Float32Array, device: DeviceId, threads: number): Promise<number> {
  const session = await openSession(graph, { device, threads });
  const bound = session.bind({ x: { data, shape: graph.inputs[0]!.shape } });
  const until = performance.now() + secondsEach * 1000;
  let best = Infinity;
  do {
    const from = performance.now();
    await bound.run();
    best = Math.min(best, (performance.now() - from) / 1000);
  } while (performance.now() < until);
  await session.release();
  return best;
}
