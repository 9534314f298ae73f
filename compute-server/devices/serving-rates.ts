/**
 * Rates of this machine at the sizes of one model, for the prediction of its times (models/formats/estimates/serving). Graphs of
 * random numbers are timed, never the model: products of matrices as wide as its own, of as many bytes in all, for one row and
 * for as many as the prompt has; products and softmax as inside its attention; one operator; one graph. Other work on the machine comes in bursts and only ever
 * lowers a rate: so the measurements are done in rounds, with the model's own between, and the best of each counts.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { GraphBuilder } from '../../kernels/graph/builder';
import { add, lessOrEqual, multiply, negate, sigmoid, where } from '../../kernels/graph/operators/elementwise';
import { slice } from '../../kernels/graph/operators/layout';
import { softmax } from '../../kernels/graph/operators/reduce';
import { integers } from '../../kernels/integers';
import { matmul } from '../../kernels/graph/operators/matrix';
import type { MeasuredRates } from '../../models/formats/estimates/serving/devices';
import { drawn, ofProducts, secondsOf, secondsOfCall, sizeOf, type RateSettings } from './calibration';
import { openSession } from '../runtime/session';

export interface ServingSizes {
  readonly hidden: number;
  /** Width of the network. */
  readonly inner: number;
  /** float32 numbers of all matrices that a token is multiplied by. */
  readonly weights: number;
  readonly heads: number;
  readonly headDim: number;
  readonly prompt: number;
}

/** The most weights that one measurement reads: more than these come from memory in any case. */
const mostWeights = 2 ** 26;
/** From this length on, the products of a prompt run at the rate of those of longer ones. */
const mostRows = 1024;
/** The fastest run of one round. It is compared with another fastest run. */
const fastest = (times: readonly number[]): number => Math.min(...times);
const graphRuns = 200;
const scoreSteps = 2;
const activationSteps = 4;
/** What a graph of a layer takes and gives beside its row, about (models/architectures/step-graph.ts). */
const [inputs, outputs] = [11, 10] as const;

type Rate = 'weightByte' | 'product' | 'score' | 'scorePass' | 'pass' | 'node' | 'graph';

/** Seconds for each byte, flop or call, the best of the rounds so far. */
export class ServingRates {
  private readonly best = new Map<Rate, number>();
  private readonly measurements: readonly (readonly [Rate, () => Promise<number>])[];

  constructor(sizes: ServingSizes, settings: RateSettings) {
    const rows = Math.min(sizes.prompt, mostRows);
    this.measurements = [
      ['weightByte', async () => (await secondsOfMatrices(1, sizes, settings)) / 4],
      ['product', async () => (await secondsOfMatrices(rows, sizes, settings)) / (2 * rows)],
      ['score', () => ofProducts(rows, rows, settings, { heads: sizes.heads, width: sizes.headDim })],
      ['scorePass', () => secondsOfScores(rows, sizes, settings)],
      ['pass', () => secondsOfActivations(rows, sizes, settings)],
      ['node', () => secondsOfCall(settings)],
      ['graph', () => secondsOfGraph(settings)],
    ];
  }

  async round(signal: AbortSignal): Promise<void> {
    for (const [name, measure] of this.measurements) {
      signal.throwIfAborted();
      this.best.set(name, Math.min(this.best.get(name) ?? Infinity, await measure()));
      // Lets a call to stop come in.
      await nextTurn();
    }
  }

  get rates(): Omit<MeasuredRates, 'calls'> {
    const of = (name: Rate): number => this.best.get(name) ?? Infinity;
    return {
      weightBytes: 1 / of('weightByte'),
      products: 1 / of('product'),
      scores: 1 / of('score'),
      scorePasses: 1 / of('scorePass'),
      passes: 1 / of('pass'),
      node: of('node'),
      graph: of('graph'),
    };
  }
}

/** Seconds for each number of a chain of matrices [hidden, inner] and [inner, hidden] that `rows` rows go through. */
async function secondsOfMatrices(
  rows: number,
  { hidden, inner, weights }: ServingSizes,
  settings: RateSettings,
): Promise<number> {
  const pairs = Math.max(1, Math.round(Math.min(weights, mostWeights) / (2 * hidden * inner)));
  const graph = new GraphBuilder('matrices');
  const x = graph.input('x', 'float32', [rows, hidden]);
  let value = x;
  for (let pair = 0; pair < pairs; pair++) {
    for (const [from, to] of [
      [hidden, inner],
      [inner, hidden],
    ] as const) {
      // Another sign each time: equal constants would be one.
      const numbers = drawn([from, to]).data.map((number, at) => (number + pair * 1e-3 * (at % 7)) / Math.sqrt(from));
      value = matmul(value, graph.constant('float32', [from, to], numbers));
    }
  }
  graph.output(value, 'y');
  return (await secondsOf(graph, { x: drawn([rows, hidden]) }, settings, fastest)) / (pairs * 2 * hidden * inner);
}

/** Seconds for each byte of what passes over the scores of a layer: the mask and the softmax, each read and written. */
async function secondsOfScores(rows: number, { heads }: ServingSizes, settings: RateSettings): Promise<number> {
  const graph = new GraphBuilder('scores');
  const shape = [1, heads, rows, rows];
  const x = graph.input('x', 'float32', shape);
  const positions = integers(0, rows);
  const query = graph.constant('int64', [rows, 1], positions);
  const key = graph.constant('int64', [1, rows], positions);
  let value = x;
  for (let step = 0; step < scoreSteps; step++) {
    // Another comparison each time, as each layer has its own graph.
    const seen = lessOrEqual(key, add(query, graph.constant('int64', [], [step])));
    value = softmax(where(seen, value, graph.constant('float32', [], [-1e9])), -1);
  }
  graph.output(slice(value, 2, 0, 1), 'y');
  return (await secondsOf(graph, { x: drawn(shape) }, settings, fastest)) / (scoreSteps * 4 * 4 * sizeOf(shape));
}

/** Seconds for each byte of what passes over the rows of a network: a function (read, written) and a product (two read, one written). */
async function secondsOfActivations(rows: number, { inner }: ServingSizes, settings: RateSettings): Promise<number> {
  const graph = new GraphBuilder('activations');
  const shape = [rows, inner];
  const x = graph.input('x', 'float32', shape);
  let value = x;
  for (let step = 0; step < activationSteps; step++) value = multiply(sigmoid(value), x);
  graph.output(slice(value, 0, 0, 1), 'y');
  return (await secondsOf(graph, { x: drawn(shape) }, settings, fastest)) / (activationSteps * 5 * 4 * sizeOf(shape));
}

/** Seconds of a graph that does almost nothing, with as many inputs and outputs as that of a layer. */
async function secondsOfGraph(settings: RateSettings): Promise<number> {
  const graph = new GraphBuilder('calls');
  const feeds: Record<string, ReturnType<typeof drawn>> = {};
  for (let at = 0; at < inputs; at++) {
    const value = graph.input(`x${at}`, 'float32', [64]);
    if (at < outputs) graph.output(negate(value), `y${at}`);
    feeds[`x${at}`] = drawn([64]);
  }
  const session = await openSession(graph.finish(), settings);
  try {
    const times: number[] = [];
    // As a model is run: without a binding, its inputs wrapped anew each time.
    for (let run = 0; run < graphRuns; run++) {
      const from = performance.now();
      await session.run(feeds);
      times.push((performance.now() - from) / 1000);
    }
    return fastest(times);
  } finally {
    await session.release();
  }
}
