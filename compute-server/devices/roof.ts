/**
 * The two ceilings of a device, measured on it. Arithmetic: products of float32 matrices of up to 2048 x 2048 (a
 * multiply-add counts as two operations; a slow device stops at smaller ones). Bandwidth: sign changes of 128 MB, far more than a cache holds, counting each read and each write once
 * (what the memory reads to fill a line before a write is not counted). Both are chained inside the graph, so that moving
 * data to and from a graphics card does not count; the best of the runs is taken, because a ceiling is what can be reached.
 */
import { GraphBuilder } from '../../kernels/graph/builder';
import type { Graph } from '../../kernels/graph/graph';
import { negate } from '../../kernels/graph/operators/elementwise';
import { matmul } from '../../kernels/graph/operators/matrix';
import { slice } from '../../kernels/graph/operators/layout';
import type { Value } from '../../kernels/graph/records';
import type { Roof } from '../../protocol/results/benchmark-schema';
import type { Task } from '../processes/task-process';
import { openSession, type DeviceId } from '../runtime/session';

const sides = [512, 1024, 2048];
/** A run longer than this reaches the ceiling already; larger matrices would only take longer. */
const longRunSeconds = 0.2;
const products = 4;
/** float32 numbers of one copied array: 128 MB. */
const copied = 32 * 2 ** 20;
const copies = 4;
/** From this size on an array does not come from a cache, and the measured bandwidth bounds it. */
export const beyondCaches = copied * 4;

const secondsEach = 1.2;

export const roofTask: Task<{ readonly device: DeviceId; readonly threads: number }, Roof> = {
  name: 'measureRoof',
  async run({ device, threads }) {
    const copy = await bestSeconds(
      chain([copied], copies, (x) => negate(x)),
      new Float32Array(copied),
      device,
      threads,
    );
    const peakGflops = await bestGflops(device, threads);
    const measured = new Date().toISOString();
    return {
      peakGflops,
      peakBandwidthGBs: (copies * 2 * 4 * copied) / copy / 1e9,
      gflopsMeasured: measured,
      bandwidthMeasured: measured,
      measured,
    };
  },
};

async function bestGflops(device: DeviceId, threads: number): Promise<number> {
  let best = 0;
  for (const side of sides) {
    const numbers = Float32Array.from({ length: side * side }, (_, i) => ((i * 7919) % 1009) / 1009 - 0.5);
    const product = chain([side, side], products, (x) => matmul(x, x));
    const seconds = await bestSeconds(product, numbers, device, threads);
    best = Math.max(best, (products * 2 * side ** 3) / seconds / 1e9);
    if (seconds > longRunSeconds) break;
  }
  return best;
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
