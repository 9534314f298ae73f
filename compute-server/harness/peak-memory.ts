/**
 * Peak memory of a cell, measured in a process that does nothing else: inputs, session and two runs, over the process with
 * the runtime loaded. On Linux the kernel's own high-water mark (VmHWM of /proc/self/status) is reset before the cell;
 * elsewhere the largest resident set (`maxRSS`) is read before and after. Memory of a graphics card is not seen by either.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Graph } from '../../kernels/graph/graph';
import type { Mechanism, ParameterValues, Weight } from '../../kernels/mechanism';
import { mechanismOf } from './catalogue';
import { GraphBuilder } from '../../kernels/graph/builder';
import { negate } from '../../kernels/graph/operators/elementwise';
import type { AttentionShape, Precision } from '../../kernels/shape';
import type { Task } from '../processes/task-process';
import { openSession } from '../runtime/session';
import type { DeviceId, RuntimeValues } from '../runtime/session';
import { graphOf, type Cell } from './cell';
import { feedsOf, inputsOf, sharedInputs } from './inputs';

export interface PeakMemoryRequest {
  readonly mechanism: string;
  readonly parameters: ParameterValues;
  readonly shape: AttentionShape;
  readonly decoding: boolean;
  readonly precision: Precision;
  readonly seed: number;
  readonly device: DeviceId;
  readonly threads: number;
  /** Of a kernel file, which is not run there. */
  readonly handed?: Handed;
}

interface Handed {
  readonly graph: Graph;
  readonly layout: Mechanism['layout'];
  readonly weights: readonly Weight[];
}

export const handedOf = ({ mechanism, shape, parameters }: Cell, precision: Precision): Handed => ({
  graph: mechanism.build(shape, parameters, precision),
  layout: mechanism.layout,
  weights: mechanism.weights?.(shape, parameters) ?? [],
});

/** What a measurement asks of a mechanism. */
const mechanismFrom = ({ mechanism, handed }: PeakMemoryRequest): Mechanism =>
  handed
    ? { ...mechanismOf('fused'), layout: handed.layout, weights: () => handed.weights, build: () => handed.graph }
    : mechanismOf(mechanism);

export interface PeakMemory {
  readonly bytes: number;
  readonly by: 'VmHWM' | 'maxRSS';
  /** The high-water mark could not be reset: what the process reached before the cell is not part of the growth. */
  readonly notReset?: true;
}

export const peakMemoryTask: Task<PeakMemoryRequest, PeakMemory> = { name: 'measurePeak', run: measurePeak };

async function measurePeak(request: PeakMemoryRequest): Promise<PeakMemory> {
  const { device, threads, precision } = request;
  const cell = {
    ...request,
    mechanism: mechanismFrom(request),
    length: request.decoding ? request.shape.keys - 1 : request.shape.queries,
  };
  await loadRuntime(device, threads);
  const feeds = feedsOf(
    cell,
    inputsOf(cell, sharedInputs(cell.shape, request.seed, precision), request.seed, precision),
    request.seed,
    precision,
  );
  // Garbage from drawing the inputs is not the cell's. Array buffers are freed beside the collection that finds them:
  // without a second one the growth was 90 or 174 MB, by chance (2026-11).
  for (let time = 0; time < 3; time++) {
    collectGarbage();
    await setTimeout(20);
  }
  const reset = resetPeak();
  const before = readPeak().bytes;
  const session = await openSession(graphOf(cell, precision, device), { device, threads });
  const bound = session.bind(feeds);
  await bound.run();
  await bound.run();
  const peak = readPeak();
  return {
    bytes: Math.max(0, peak.bytes - before) + bytesOf(feeds),
    by: peak.by,
    ...(peak.by === 'VmHWM' && !reset ? { notReset: true } : {}),
  };
}

/** Opens and runs a graph of one number: libraries, thread pool and allocator are there before the cell is measured. */
async function loadRuntime(device: DeviceId, threads: number): Promise<void> {
  const graph = new GraphBuilder('warm');
  graph.output(negate(graph.input('x', 'float32', [1])), 'y');
  const session = await openSession(graph.finish(), { device, threads });
  await session.run({ x: { data: new Float32Array(1), shape: [1] } });
  await session.release();
}

const bytesOf = (values: RuntimeValues): number =>
  Object.values(values).reduce((total, { data }) => total + data.byteLength, 0);

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

/** Resets the high-water mark, so that growth counts from the present resident set; false where the system does not let it. */
export function resetPeak(file = '/proc/self/clear_refs'): boolean {
  try {
    // 5 resets VmHWM to the present resident set (proc(5)); some containers forbid it, other systems have no such file.
    const descriptor = openSync(file, 'r+');
    try {
      writeSync(descriptor, '5');
    } finally {
      closeSync(descriptor);
    }
    return true;
  } catch {
    return false;
  }
}

function readPeak(): PeakMemory {
  if (process.platform === 'linux') {
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (kilobytes) return { bytes: Number(kilobytes) * 1024, by: 'VmHWM' };
  }
  return { bytes: process.resourceUsage().maxRSS * 1024, by: 'maxRSS' };
}
