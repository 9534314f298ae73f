/**
 * Rates of this machine for the prediction of times (harness/statistics/predicted-time.ts), measured with the threads of the
 * run, in two to three seconds. Each is measured three times with all others between, since other work on the machine comes
 * in bursts, and the best counts, since other work only ever lowers a rate.
 *
 * - `products`: scores and outputs of 8 heads of 64, x K^T [8, queries, keys] and then (x K^T) V [8, queries, 64], in turn;
 *   flops of both over their time. Large: 128 queries on 512 keys. Small: 64 queries on 64 keys, as in chunks of linear
 *   attention.
 * - `passes`: bytes over time, of operators of each kind, over 2 MiB (a cache holds them) and over 64 MiB (few do).
 *   Bytes are counted as kernels/graph/work.ts does. `softmax`: rows of 512. `exponential`: Exp and Sigmoid in turn.
 *   `elementwise`: the sum of two arrays. `copy`: a gather of positions and a transpose of positions and heads in turn, 64
 *   numbers moved together. `reduction`: largest, least and sum of rows of 512. `selection`: the 16 largest of rows of 512.
 * - `callMicroseconds`: softmax and sum in turn over [8, 8, 64], which is shared between the threads: time over their number.
 *   Waking the threads is most of it.
 * - `viewMicroseconds`: sign changes and sums of 64 numbers, which no thread is woken for: time over their number.
 *
 * Every measurement chains its operators inside one graph, so that calling the graph does not count.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { median } from 'simple-statistics';
import { GraphBuilder } from '../../kernels/graph/builder';
import { add, exponential, negate, sigmoid } from '../../kernels/graph/operators/elementwise';
import { gather, slice, transpose } from '../../kernels/graph/operators/layout';
import { fusedMatmul, matmul } from '../../kernels/graph/operators/matrix';
import { reduceMax, reduceMin, reduceSum, softmax, topK } from '../../kernels/graph/operators/reduce';
import type { Value } from '../../kernels/graph/records';
import { random } from '../../kernels/tensors/random';
import type { BenchmarkSetup, Calibration, RateBySize } from '../../protocol/results/benchmark-schema';
import type { Surroundings } from '../surroundings';
import { openSession, type DeviceId, type RuntimeValues } from '../runtime/session';

const smallBytes = 2 * 2 ** 20;
const largeBytes = 64 * 2 ** 20;
const [heads, queries, keys, width] = [8, 128, 512, 64] as const;
const chunk = 64;
interface HeadShape {
  readonly heads: number;
  readonly width: number;
}

const flopsOf = (rows: number, columns: number, shape: HeadShape = { heads, width }): number =>
  2 * shape.heads * rows * columns * shape.width;
/** Seconds that one measurement takes, without the warm-up. */
const secondsEach = 0.02;
const fewestRuns = 2;
const rounds = 3;
const stepsInCache = 6;
const callsOfChain = 300;
const productsOfChain = 12;

export interface RateSettings {
  readonly device: DeviceId;
  readonly threads: number;
}

type PassKind = keyof Calibration['passes'];

export async function calibrate(settings: RateSettings, signal?: AbortSignal): Promise<Calibration> {
  const from = performance.now();
  const found = new Map<string, number[]>(measurements.map(([name]) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, measure] of measurements) {
      signal?.throwIfAborted();
      found.get(name)!.push(await measure(settings));
      // Lets a call to stop come in.
      await nextTurn();
    }
  }
  const of = (name: string): number => Math.min(...found.get(name)!);
  const rate = (kind: PassKind): RateBySize => ({
    small: 1e-9 / of(`${kind} small`),
    large: 1e-9 / of(`${kind} large`),
  });
  return {
    products: { small: 1e-9 / of('product small'), large: 1e-9 / of('product large') },
    smallFlops: flopsOf(chunk, chunk),
    largeFlops: flopsOf(queries, keys),
    passes: {
      softmax: rate('softmax'),
      exponential: rate('exponential'),
      elementwise: rate('elementwise'),
      copy: rate('copy'),
      reduction: rate('reduction'),
      selection: rate('selection'),
    },
    smallBytes,
    largeBytes,
    callMicroseconds: of('call') * 1e6,
    viewMicroseconds: of('view') * 1e6,
    seconds: (performance.now() - from) / 1000,
  };
}

/** A run shorter than its calibration goes without. */
const shortestRunSeconds = 3;

/**
 * The calibration of a benchmark's run. None for float16 (which the cpu computes in float32, with conversions), for other
 * devices (whose times include moving inputs and output) and for a plan that times for less than `shortestRunSeconds`.
 */
export async function calibrationFor(
  plan: Pick<BenchmarkSetup, 'precision' | 'shape' | 'secondsPerLength'>,
  device: DeviceId,
  threads: number,
  { log }: Pick<Surroundings, 'log'>,
  signal: AbortSignal,
): Promise<Calibration | undefined> {
  if (device !== 'cpu' || plan.precision !== 'float32') return undefined;
  if (plan.shape.lengths.length * plan.secondsPerLength < shortestRunSeconds) return undefined;
  try {
    return await calibrate({ device, threads }, signal);
  } catch (error) {
    if (!signal.aborted) log('warn', `this machine could not be calibrated, no time is predicted: ${String(error)}`);
    return undefined;
  }
}

interface Pass {
  /** Bytes that one application goes over, for each byte of its input. */
  readonly bytesOverInput: number;
  /** How many different operators take turns. */
  readonly inTurn: number;
  readonly shape: (numbers: number) => readonly number[];
  /** Step `step` on the result of the one before. */
  readonly apply: (x: Value, step: number, first: Value) => Value;
  /** The result is smaller: every step reads the input itself, and no two are the same operator. */
  readonly shrinks?: true;
}

const asRows = (numbers: number): readonly number[] => [heads, Math.floor(numbers / heads / keys), keys];
const asPositions = (numbers: number): readonly number[] => [heads, Math.floor(numbers / heads / width), width];

const passes: Readonly<Record<PassKind, Pass>> = {
  softmax: { bytesOverInput: 2, inTurn: 1, shape: asRows, apply: (x) => softmax(x, -1) },
  exponential: {
    bytesOverInput: 2,
    inTurn: 2,
    shape: asRows,
    apply: (x, step) => (step % 2 === 0 ? sigmoid(x) : exponential(x)),
  },
  elementwise: { bytesOverInput: 3, inTurn: 1, shape: asRows, apply: (x, _, first) => add(x, first) },
  copy: {
    bytesOverInput: 2,
    inTurn: 2,
    shape: asPositions,
    apply: (x, step) => {
      if (step % 2 === 1) return transpose(x, [1, 0, 2]);
      const positions = x.shape[1] as number;
      const backwards = Array.from({ length: positions }, (_, at) => positions - 1 - at);
      return gather(x, x.graph.constant('int64', [positions], backwards), 1);
    },
  },
  reduction: {
    bytesOverInput: 1,
    inTurn: 3,
    shape: asRows,
    apply: (x, step) => [reduceMax, reduceMin, reduceSum][step % 3]!(x, [-1], step < 3),
    shrinks: true,
  },
  selection: {
    bytesOverInput: 1,
    inTurn: 1,
    shape: asRows,
    apply: (x, step) => topK(x, 16 - step, -1)[0],
    shrinks: true,
  },
};

/** Seconds for each flop, byte or call. */
const measurements: readonly (readonly [name: string, measure: (settings: RateSettings) => Promise<number>])[] = [
  ['product small', (settings) => ofProducts(chunk, chunk, settings)],
  ['product large', (settings) => ofProducts(queries, keys, settings)],
  ...(Object.entries(passes) as [PassKind, Pass][]).flatMap(
    ([kind, pass]) =>
      [
        [`${kind} small`, (settings: RateSettings) => ofPass(pass, smallBytes, stepsInCache, settings)],
        [`${kind} large`, (settings: RateSettings) => ofPass(pass, largeBytes, pass.inTurn, settings)],
      ] as const,
  ),
  ['call', (settings) => secondsOfCall(settings)],
  ['view', (settings) => ofCalls([width], negate, settings)],
];

async function ofPass(pass: Pass, bytes: number, steps: number, settings: RateSettings): Promise<number> {
  const shape = pass.shape(bytes / pass.bytesOverInput / 4);
  const graph = new GraphBuilder('pass');
  const x = graph.input('x', 'float32', shape);
  let value = x;
  for (let step = 0; step < steps; step++) {
    const next = pass.apply(pass.shrinks ? x : value, step, x);
    if (pass.shrinks) graph.output(next, `y${step}`);
    else value = next;
  }
  // One row comes out, so that fetching it costs nothing.
  if (!pass.shrinks) graph.output(slice(value, 1, 0, 1), 'y');
  return (await secondsOf(graph, { x: drawn(shape) }, settings)) / (steps * pass.bytesOverInput * 4 * sizeOf(shape));
}

/** Seconds for each flop of scores and outputs in turn, of `rows` queries on `columns` keys. */
export async function ofProducts(
  rows: number,
  columns: number,
  settings: RateSettings,
  shape: HeadShape = { heads, width },
): Promise<number> {
  const whole = { x: [1, shape.heads, rows, shape.width], keys: [1, shape.heads, columns, shape.width] };
  const shapes = { x: whole.x, key: whole.keys, value: whole.keys };
  const graph = new GraphBuilder('products');
  let value = graph.input('x', 'float32', shapes.x);
  const key = graph.input('key', 'float32', shapes.key);
  const content = graph.input('value', 'float32', shapes.value);
  for (let step = 0; step < productsOfChain; step++) {
    const scores = fusedMatmul(value, key, { transposeB: true, scale: shape.width ** -0.5 / columns ** 0.5 });
    value = matmul(scores, content);
  }
  graph.output(slice(value, 2, 0, 1), 'y');
  const feeds = { x: drawn(shapes.x), key: drawn(shapes.key), value: drawn(shapes.value) };
  return (await secondsOf(graph, feeds, settings)) / (productsOfChain * 2 * flopsOf(rows, columns, shape));
}

/** Seconds of one operator over 64 x 8 x 8 numbers, waking the threads among it. */
export const secondsOfCall = (settings: RateSettings): Promise<number> =>
  ofCalls([heads, 8, width], (x) => softmax(x, -1), settings);

/** In turn with a sum, since two sign changes in a row would be taken out. */
async function ofCalls(shape: readonly number[], other: (x: Value) => Value, settings: RateSettings): Promise<number> {
  const graph = new GraphBuilder('calls');
  const x = graph.input('x', 'float32', shape);
  let value = x;
  for (let call = 0; call < callsOfChain; call++) value = call % 2 === 0 ? other(value) : add(value, x);
  graph.output(value, 'y');
  return (await secondsOf(graph, { x: drawn(shape) }, settings)) / callsOfChain;
}

/** The median of the runs after the first, or what `of` computes from them. */
export async function secondsOf(
  graph: GraphBuilder,
  feeds: RuntimeValues,
  settings: RateSettings,
  of: (times: readonly number[]) => number = (times) => median([...times]),
): Promise<number> {
  const session = await openSession(graph.finish(), settings);
  try {
    const bound = session.bind(feeds);
    await bound.run();
    const times: number[] = [];
    const from = performance.now();
    while (times.length < fewestRuns || performance.now() - from < secondsEach * 1000) {
      const start = performance.now();
      await bound.run();
      times.push((performance.now() - start) / 1000);
    }
    return of(times);
  } finally {
    await session.release();
  }
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, axis) => product * axis, 1);

/** Numbers between -0.5 and 0.5, repeated: what they are does not matter, that they are not equal does for the selection. */
export function drawn(shape: readonly number[]) {
  const source = random(1);
  const data = new Float32Array(sizeOf(shape));
  const period = Math.min(data.length, 4099);
  for (let at = 0; at < period; at++) data[at] = source.uniform() - 0.5;
  for (let filled = period; filled < data.length; filled *= 2) data.copyWithin(filled, 0, filled);
  return { data, shape };
}
