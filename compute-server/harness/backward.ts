/**
 * Forward and backward passes of a cell, as attention-gym times them: the mechanism's graph with the gradients of query, key and
 * value from a seeded gradient of its output, proved by gradient-check.ts and timed in turn with the forward passes.
 */
import type { BackwardTimes } from '../../protocol/results/benchmark-schema';
import { checked } from './rows';
import { ratioOfPairs } from './statistics/ratio';
import { summary } from './statistics/summary';
import { pairs, type Series } from './timing';
import type { GraphProto } from '../../kernels/graph/onnx_pb';
import { forwardAndBackward, gradientOf, outputGradient } from '../../kernels/gradient/backward';
import type { Graph } from '../../kernels/graph/graph';
import { inStandardOperators } from '../../kernels/graph/portable';
import { liveBytes } from '../../kernels/graph/live-bytes';
import { GraphError } from '../../kernels/graph/records';
import { readGraph } from '../../kernels/graph/stored-tensors';
import { workOf } from '../../kernels/graph/work';
import { toSequenceFirst } from '../../kernels/tensors/layout';
import { toRuntime } from '../../kernels/tensors/precision';
import type { Tensor } from '../../kernels/tensors/tensor';
import { bytesInWords } from '../../protocol/wire/words';
import { lacksOperator, missingOperator } from '../devices/missing-operators';
import { openSession, type BoundRun, type RuntimeArray } from '../runtime/session';
import { layoutOf, supportOf, type Cell } from './cell';
import { headsFirst, type Check } from './correctness';
import { checkGradients, gradientsCanBeChecked, proofSeed, type Gradients } from './gradient-check';
import { feedsOf, inputsOf, sharedInputs, type SharedInputs } from './inputs';
import { predictedPeakBytes } from './memory-limit';
import { firstLine, shorterCell, type PrepareSettings } from './preparation';

/** The graph of a cell's forward and backward pass and what it needs, or why there is none. */
export type BackwardGraph =
  | {
      readonly graph: Graph;
      /** Bytes of the tensors alive at once, at least those that the cost model gives for the forward pass. */
      readonly peakBytes: number;
      /** Two for each multiply-add of the products; undefined where they cannot be read off the graph. */
      readonly flops: number | undefined;
    }
  | { readonly reason: string };

export interface PreparedBackward {
  readonly bound: BoundRun;
  readonly check: Check;
  readonly peakBytes: number;
  readonly flops: number | undefined;
  readonly release: () => Promise<void>;
}

export interface RefusedBackward {
  readonly reason: string;
  readonly check?: Check;
  readonly peakBytes?: number;
}

export const isBackwardPrepared = (outcome: PreparedBackward | RefusedBackward): outcome is PreparedBackward =>
  'bound' in outcome;

/** `decoding` has no backward pass: nothing is trained a token at a time. */
export function backwardGraph(cell: Cell, settings: PrepareSettings, memoryLimit: number): BackwardGraph {
  const { plan, device, selfTest } = settings;
  try {
    const built = forwardAndBackward(cell.mechanism.build(cell.shape, cell.parameters, plan.precision));
    const graph = device === 'cpu' ? built : inStandardOperators(built);
    const missing = selfTest && missingOperator(graph, selfTest);
    if (missing !== undefined) return { reason: missing };
    if (device === 'cpu' && plan.precision === 'float16' && addsRows(graph)) {
      return {
        reason: 'Its backward pass adds rows up, which onnxruntime does not do in float16 on the cpu. Choose float32.',
      };
    }
    const peakBytes = Math.max(liveBytes(graph.model), predictedPeakBytes(cell));
    if (peakBytes > memoryLimit) {
      return {
        reason: `Forward and backward need ${bytesInWords(peakBytes)} and the limit is ${bytesInWords(memoryLimit)}. Choose shorter lengths.`,
      };
    }
    return { graph, peakBytes, flops: flopsOf(graph) };
  } catch (error) {
    if (error instanceof GraphError) return { reason: `It has no gradient: ${error.message}` };
    throw error;
  }
}

/** ScatterND with a sum, the way back through a Gather: onnxruntime 1.30 has no float16 kernel for it on the cpu. */
function addsRows({ model }: Graph): boolean {
  const within = (graph: GraphProto | undefined): boolean =>
    graph?.node.some(
      ({ opType, attribute }) =>
        (opType === 'ScatterND' && attribute.some(({ name }) => name === 'reduction')) ||
        attribute.some(({ g }) => within(g)),
    ) ?? false;
  return within(readGraph(model).graph);
}

function flopsOf(graph: Graph): number | undefined {
  try {
    return workOf(graph.model).reduce((sum, { flops, times }) => sum + flops * times, 0);
  } catch (error) {
    if (error instanceof GraphError) return undefined;
    throw error;
  }
}

export async function prepareBackward(
  cell: Cell,
  backward: BackwardGraph,
  shared: SharedInputs,
  settings: PrepareSettings,
): Promise<PreparedBackward | RefusedBackward> {
  if ('reason' in backward) return backward;
  const { graph, peakBytes, flops } = backward;
  try {
    const atOwnLength = gradientsCanBeChecked(cell);
    const opened = await open(cell, graph, shared, settings);
    const check = atOwnLength ? await opened.proved() : await checkShorter(cell, settings);
    if (!check.ok) {
      await opened.release();
      return { reason: check.reason!, check, peakBytes };
    }
    return { bound: opened.bound, check, peakBytes, flops, release: opened.release };
  } catch (error) {
    return {
      reason: lacksOperator(error)
        ? 'An operator of its backward pass is not available on this device for these types.'
        : `onnxruntime could not run its backward pass: ${firstLine(error)}`,
      peakBytes,
    };
  }
}

async function open(cell: Cell, graph: Graph, shared: SharedInputs, settings: PrepareSettings) {
  const { plan, device, threads } = settings;
  const { seed, precision } = plan;
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = cell.shape;
  const inputs = inputsOf(cell, shared, seed, precision);
  const feeds = feedsOf(cell, inputs, seed, precision);
  const laid = (x: Tensor): RuntimeArray => {
    const own = layoutOf(cell) === 'sequence-first' ? toSequenceFirst(x) : x;
    return { data: toRuntime(own, precision), shape: own.shape };
  };
  const session = await openSession(graph, { device, threads });
  try {
    const proof = proofSeed(cell, seed, precision);
    const proved = async (): Promise<Check> => {
      const outputs = await session.bind({ ...feeds, [outputGradient]: laid(proof.seed) }).run();
      const found: Gradients = {
        query: headsFirst(cell, outputs[gradientOf('query')]!, [batch, heads, queries, headDim]),
        key: headsFirst(cell, outputs[gradientOf('key')]!, [batch, kvHeads, keys, headDim]),
        value: headsFirst(cell, outputs[gradientOf('value')]!, [batch, kvHeads, keys, valueDim]),
      };
      return checkGradients(cell, inputs, proof, found, seed, precision);
    };
    // Timed on a gradient of all rows: zeros might be faster.
    const bound = session.bind({ ...feeds, [outputGradient]: laid(proof.whole) });
    return { bound, proved, release: () => session.release() };
  } catch (error) {
    await session.release();
    throw error;
  }
}

async function checkShorter(cell: Cell, settings: PrepareSettings): Promise<Check> {
  const { plan } = settings;
  const shorter = shorterCell(cell, plan, gradientsCanBeChecked);
  if (!supportOf(shorter).ok) throw new Error('no shorter length of it can be checked');
  const backward = backwardGraph(shorter, settings, Infinity);
  if ('reason' in backward) throw new Error(backward.reason);
  const opened = await open(shorter, backward.graph, sharedInputs(shorter.shape, plan.seed, plan.precision), settings);
  try {
    return { ...(await opened.proved()), checkedLength: shorter.length };
  } finally {
    await opened.release();
  }
}

/** The name under which a mechanism's forward and backward pass takes part in the rounds. */
export const backwardName = (mechanism: string): string => `${mechanism} backward`;

/** `seriesOf` finds a series by its name where it was timed. Undefined before its first sample. */
export function backwardTimes(
  outcome: PreparedBackward | RefusedBackward,
  mechanism: string,
  baseline: string,
  seriesOf: (name: string) => Series | undefined,
): BackwardTimes | undefined {
  const peak = outcome.peakBytes === undefined ? {} : { predictedPeakBytes: outcome.peakBytes };
  if (!isBackwardPrepared(outcome)) return { reason: outcome.reason, ...peak, ...checked(outcome.check) };
  const own = seriesOf(backwardName(mechanism));
  if (!own || own.times.size === 0) return undefined;
  const { median, quartiles, relativeSd } = summary([...own.times.values()]);
  const ratio = (slow: Series | undefined, fast: Series) => {
    const both = slow && pairs(slow, fast);
    return both && both[0].length > 0 ? ratioOfPairs(...both) : undefined;
  };
  const forward = seriesOf(mechanism);
  const overForward = forward && ratio(own, forward)?.median;
  const overBaseline = mechanism === baseline ? undefined : ratio(seriesOf(backwardName(baseline)), own);
  const { flops } = outcome;
  return {
    medianMs: median,
    relativeSd,
    samples: own.times.size,
    quartilesMs: quartiles,
    ...(overForward === undefined ? {} : { overForward }),
    ...(overBaseline === undefined ? {} : { ratioToBaseline: overBaseline }),
    ...peak,
    ...(flops === undefined ? {} : { flops, gflops: flops / median / 1e6 }),
    ...checked(outcome.check),
  };
}
