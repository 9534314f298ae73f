import { tensorBytes } from '../../cost/attention';
import { attentionGraph, stepInputs } from '../../graph/attention-graph';
import { GraphBuilder } from '../../graph/builder';
import type { Mechanism } from '../../mechanism';
import { denseReads } from '../../reference/pattern';
import { allRows, softmaxRows } from '../../reference/softmax';
import type { AttentionShape } from '../../shape';
import { zeros } from '../../tensors/tensor';
import { spanAttention, spanBlock, spanCost, spanReads, type HeadSpans } from '../streaming/spans';
import { gated, gatedRow, gatingFlops, gatingWeights, leastNorm } from './gating';
import { memoryParameters, memoryStateTensors, memoryWeights, type MemoryParameters } from './layers';
import { memoryReference, memoryStates } from './memory';
import { chunkBytes, chunkFlops, chunkPeakBytes, stepCost } from './memory-cost';
import { chunksOf, readInChunks, takeWeights, memoryAmplification } from './memory-graph';
import { readStep, stepMemory, stepStates } from './memory-step';
import {
  behindPersistent,
  joinBehind,
  lastPositions,
  persistentParameter,
  persistentWeights,
  seeingRows,
} from './persistent';
import { attendAll, latest, shiftRegister, takeRegister } from './recent';
import { commonMultiple, memorySupport, orderOf, wideShape, windowParameter, windowStates } from './sequence';

interface Parameters extends MemoryParameters {
  readonly window: number;
  readonly persistent: number;
}

const weightsOf = (shape: AttentionShape, parameters: Parameters) => [
  ...memoryWeights(shape, parameters),
  ...gatingWeights(shape),
  ...persistentWeights(shape, parameters.persistent),
];

/** The persistent positions stay visible, as sinks do. */
const spansOf = ({ kvHeads }: AttentionShape, { window, persistent }: Parameters): HeadSpans =>
  Array.from({ length: kvHeads }, () => ({ sinks: persistent, recent: window }));

export const memoryAsGate: Mechanism<Parameters> = {
  id: 'titans-mag',
  title: 'Memory as gate (Titans)',
  family: 'memory',
  summary:
    'Sliding-window attention beside a neural memory that learns the whole sequence at run time: the memory’s output gates the attention’s. Time grows with n; the memory stands for what has left the window.',
  source: {
    reference: 'arXiv:2501.00663, section 4.2',
    trust: 'medium',
    note: 'Our choices: both branches take the same query, key and value of a head in place of the layer’s input; persistent positions are learned keys and values, which the memory learns first and which stay visible in every window; gating is sigmoid(norm(memory) w) times norm(attention) w over the width of a head, with learned w (the paper leaves the nonlinearity open); chunks are counted from the first position after the persistent ones. The memory is neural-memory with its choices and parameters. The residual connection is the model’s.',
  },
  template: {
    projected: 'learned persistent positions, rates of the memory',
    scores: 'q·k / √d inside the window; the memory learns to give each value for its key',
    positions: { words: 'a window and persistent positions; all before through the memory', chosen: 'beforehand' },
    normaliser: { words: 'softmax inside the window, then norm and gate', averagesValues: false },
    aggregation: 'attention’s output times a gate from the memory’s',
    mixing: 'data-dependent',
    matrix: 'sparse and low rank',
    state: { words: 'the memory and its momentum, two d x e matrices, and one window', grows: false },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'memory and momentum from part to part, one part after another, and one window of keys and values',
    },
  },
  parameters: { window: windowParameter, persistent: persistentParameter, ...memoryParameters },
  layout: 'heads-first',
  exponent: 1,
  supports: memorySupport,
  weights: weightsOf,
  reference: (all, full, parameters) =>
    seeingRows(all, full, (inputs, shape) => {
      const wide = wideShape(shape, parameters);
      const behind = behindPersistent(inputs);
      const reads = spanReads(wide, spansOf(wide, parameters));
      const attention = softmaxRows(behind, wide, allRows(wide), { reads });
      const memory = memoryReference(behind, wide, orderOf(parameters));
      const output = zeros(attention.shape);
      const { heads, queries, valueDim } = shape;
      for (let row = 0; row < shape.batch * heads * queries; row++) {
        const [from, to] = [row * valueDim, (row + 1) * valueDim];
        const head = Math.floor(row / queries) % heads;
        output.data.set(gatedRow(memory.data.slice(from, to), attention.data.slice(from, to), inputs, head), from);
      }
      return output;
    }),
  build: (full, parameters, precision) =>
    attentionGraph('titans-mag', full, precision, 'heads-first', ({ builder, query, key, value }, shape) => {
      const weights = takeWeights(builder, weightsOf(full, parameters), precision);
      const wide = wideShape(shape, parameters);
      const keys = joinBehind(weights['persistent.key'], key);
      const values = joinBehind(weights['persistent.value'], value);
      const attention = spanAttention(query, keys, values, wide, spansOf(wide, parameters));
      const read = readInChunks(query, keys, values, weights, wide, orderOf(parameters));
      return gated(read, attention, weights);
    }),
  /** Window, chunks of the memory and gating, one after the other. */
  cost(shape, parameters) {
    const wide = wideShape(shape, parameters);
    const spans = spanCost(wide, spansOf(wide, parameters));
    const { size, count } = chunksOf(wide.keys, orderOf(parameters));
    const rows = count * size;
    return {
      flops: spans.flops + chunkFlops(shape, size, rows, parameters) + gatingFlops(shape),
      bytes: spans.bytes + 8 * tensorBytes(shape) + chunkBytes(shape, size, rows, parameters),
      peakBytes: spans.peakBytes + 4 * tensorBytes(shape) + chunkPeakBytes(shape, size, parameters),
    };
  },
  pattern: (shape, parameters) => {
    const wide = wideShape(shape, parameters);
    const { queries } = spanBlock(wide, spansOf(wide, parameters));
    const tile = commonMultiple(queries, parameters.chunk);
    return { dependsOnData: true, reads: denseReads(shape), block: { queries: tile, keys: tile } };
  },
  amplification: memoryAmplification,
  leastDivisor: leastNorm,
  decode: {
    states: (shape, parameters) => [
      ...memoryStateTensors(shape, parameters),
      ...windowStates(shape, parameters.window),
    ],
    stateAfter: (inputs, shape, parameters) => ({
      ...memoryStates(behindPersistent(inputs), wideShape(shape, parameters), orderOf(parameters)),
      'window.key': lastPositions(inputs.key, parameters.window),
      'window.value': lastPositions(inputs.value, parameters.window),
    }),
    build(shape, parameters, precision) {
      const builder = new GraphBuilder('titans-mag step');
      const { window } = parameters;
      const { query, key, value } = stepInputs(builder, shape, precision);
      const states = stepStates(builder, shape, parameters, precision);
      const keys = takeRegister(builder, 'window.key', shape, precision, [window, shape.headDim]);
      const values = takeRegister(builder, 'window.value', shape, precision, [window, shape.valueDim]);
      // The memory that a sequence begins with stays an input, so that steps and prefill take the same weights.
      const weights = takeWeights(builder, weightsOf(shape, parameters), precision);
      const memory = stepMemory(builder, states, key, value, weights, shape, parameters);
      const read = Math.min(shape.keys - 1, window - 1);
      const attention = attendAll(
        query,
        joinBehind(weights['persistent.key'], latest(keys, read, key)),
        joinBehind(weights['persistent.value'], latest(values, read, value)),
        shape,
      );
      builder.output(gated(readStep(query, memory, shape), attention, weights), 'output');
      shiftRegister(builder, 'window.key', keys, key);
      shiftRegister(builder, 'window.value', values, value);
      return builder.finish();
    },
    cost(shape, parameters) {
      const { batch, heads, kvHeads, headDim, valueDim } = shape;
      const { window, persistent } = parameters;
      const memory = stepCost(shape, parameters);
      const pairs = batch * heads * (Math.min(window, shape.keys) + persistent);
      const register = 4 * batch * kvHeads * window * (headDim + valueDim);
      return {
        flops: memory.flops + pairs * (2 * headDim + 2 * valueDim + 5),
        bytes: memory.bytes + 5 * register,
        peakBytes: memory.peakBytes + 3 * register,
      };
    },
  },
  limits: [],
};
