import { tensorBytes } from '../../cost/attention';
import { attentionGraph, stepInputs } from '../../graph/attention-graph';
import { GraphBuilder } from '../../graph/builder';
import { slice } from '../../graph/operators/layout';
import { matmul } from '../../graph/operators/matrix';
import type { Mechanism } from '../../mechanism';
import { denseReads } from '../../reference/pattern';
import { allRows, softmaxRows } from '../../reference/softmax';
import type { AttentionShape } from '../../shape';
import type { AttentionInputs, Tensor } from '../../tensors/tensor';
import { spanAttention, spanBlock, spanCost, spanReads, type HeadSpans } from '../streaming/spans';
import { memoryParameters, memoryStateTensors, memoryWeights, type MemoryParameters } from './layers';
import { memoryReference, memoryStates } from './memory';
import { chunkBytes, chunkFlops, chunkPeakBytes, stepCost } from './memory-cost';
import { chunksOf, groupOutputs, readInChunks, takeWeights, memoryAmplification } from './memory-graph';
import { readStep, stepMemory, stepStates } from './memory-step';
import {
  behind,
  behindPersistent,
  joinBehind,
  lastPositions,
  persistentParameter,
  persistentWeights,
  seeingRows,
} from './persistent';
import { keyValueProducts, keyValueWeights, project, projectGroup, queryProducts, queryWeight } from './projections';
import { attendAll, latest, shiftRegister, takeRegister } from './recent';
import { commonMultiple, memorySupport, orderOf, wideShape, windowParameter, windowStates } from './sequence';

interface Parameters extends MemoryParameters {
  readonly window: number;
  readonly persistent: number;
}

const weightsOf = (shape: AttentionShape, parameters: Parameters) => [
  ...memoryWeights(shape, parameters),
  queryWeight('layer', shape),
  ...keyValueWeights('layer', shape),
  ...persistentWeights(shape, parameters.persistent, true),
];

const spansOf = ({ kvHeads }: AttentionShape, { window }: Parameters): HeadSpans =>
  Array.from({ length: kvHeads }, () => ({ sinks: 0, recent: window }));

/** The memory is read at the persistent positions too. */
const memoryShape = (wide: AttentionShape): AttentionShape => ({ ...wide, queries: wide.keys });

/** Query, key and value of the attention, from the memory's outputs at all positions. */
function layerInputs(inputs: AttentionInputs, wide: AttentionShape, parameters: Parameters): AttentionInputs {
  const { weights } = inputs;
  const query = behind(weights['persistent.query'], inputs.query);
  const read = memoryReference({ ...behindPersistent(inputs), query }, memoryShape(wide), orderOf(parameters));
  const of = (name: string): Tensor => project(read, weights[`layer.${name}`]!);
  return { query: lastPositions(of('query'), wide.queries), key: of('key'), value: of('value'), weights };
}

export const memoryAsLayer: Mechanism<Parameters> = {
  id: 'titans-mal',
  title: 'Memory as layer (Titans)',
  family: 'memory',
  summary:
    'A neural memory reads the whole sequence first; sliding-window attention then runs over the memory’s outputs. Time grows with n, and what a window holds is already a summary of the past.',
  source: {
    reference: 'arXiv:2501.00663, section 4.3',
    trust: 'medium',
    note: 'Our choices: query, key and value of a head stand for the layer’s input; queries of the attention are projected from each head’s memory output, keys and values from the joined outputs of the heads that share a key head; persistent positions are learned queries, keys and values in front of the sequence, which the memory learns first and whose outputs are the first positions of the window (they leave it as others do); chunks are counted from the first position after them. The memory is neural-memory with its choices and parameters. Norms and residual connections are the model’s.',
  },
  template: {
    projected: 'queries, keys and values from the memory’s outputs',
    scores: 'q·k / √d of the projected',
    positions: { words: 'a window and persistent positions; all before through the memory', chosen: 'beforehand' },
    normaliser: { words: 'softmax inside the window', averagesValues: false },
    aggregation: 'weighted sum of values made from the memory’s outputs',
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
  supports(shape, parameters) {
    const { queries, keys } = shape;
    const support = memorySupport(shape, parameters);
    return support.ok && queries < keys
      ? {
          ok: false,
          why: `Keys are projected from the memory’s outputs, which need a query at every position: ${queries} queries have ${keys} keys.`,
        }
      : support;
  },
  weights: weightsOf,
  reference: (all, full, parameters) =>
    seeingRows(all, full, (inputs, shape) => {
      const wide = wideShape(shape, parameters);
      const reads = spanReads(wide, spansOf(wide, parameters));
      return softmaxRows(layerInputs(inputs, wide, parameters), wide, allRows(wide), { reads });
    }),
  build: (full, parameters, precision) =>
    attentionGraph('titans-mal', full, precision, 'heads-first', ({ builder, query, key, value }, shape) => {
      const weights = takeWeights(builder, weightsOf(full, parameters), precision);
      const wide = wideShape(shape, parameters);
      const read = readInChunks(
        joinBehind(weights['persistent.query'], query),
        joinBehind(weights['persistent.key'], key),
        joinBehind(weights['persistent.value'], value),
        weights,
        memoryShape(wide),
        orderOf(parameters),
      );
      const queries = matmul(slice(read, 2, parameters.persistent), weights['layer.query']!);
      const [keys, values] = projectGroup(groupOutputs(read, wide), weights, 'layer');
      return spanAttention(queries, keys, values, wide, spansOf(wide, parameters));
    }),
  /** Chunks of the memory, projections, then the window. */
  cost(shape, parameters) {
    const wide = wideShape(shape, parameters);
    const spans = spanCost(wide, spansOf(wide, parameters));
    const { size, count } = chunksOf(wide.keys, orderOf(parameters));
    const rows = count * size;
    const projected = 2 * shape.batch * (wide.queries * queryProducts(shape) + wide.keys * keyValueProducts(shape));
    return {
      flops: spans.flops + chunkFlops(shape, size, rows, parameters) + projected,
      bytes: spans.bytes + 8 * tensorBytes(shape) + chunkBytes(shape, size, rows, parameters),
      peakBytes: spans.peakBytes + 4 * tensorBytes(shape) + chunkPeakBytes(shape, size, parameters),
    };
  },
  pattern: (shape, parameters) => {
    const wide = wideShape(shape, parameters);
    const tile = commonMultiple(spanBlock(wide, spansOf(wide, parameters)).queries, parameters.chunk);
    return {
      dependsOnData: true,
      readsQueries: true,
      reads: denseReads(shape),
      block: { queries: tile, keys: tile },
    };
  },
  amplification: memoryAmplification,
  decode: {
    states: (shape, parameters) => [
      ...memoryStateTensors(shape, parameters),
      ...windowStates(shape, parameters.window),
    ],
    stateAfter(inputs, shape, parameters) {
      const wide = wideShape(shape, parameters);
      const { key, value } = layerInputs(inputs, wide, parameters);
      return {
        ...memoryStates(behindPersistent(inputs), wide, orderOf(parameters)),
        'window.key': lastPositions(key, parameters.window),
        'window.value': lastPositions(value, parameters.window),
      };
    },
    build(shape, parameters, precision) {
      const builder = new GraphBuilder('titans-mal step');
      const { window, persistent } = parameters;
      const { query, key, value } = stepInputs(builder, shape, precision);
      const states = stepStates(builder, shape, parameters, precision);
      const keys = takeRegister(builder, 'window.key', shape, precision, [window, shape.headDim]);
      const values = takeRegister(builder, 'window.value', shape, precision, [window, shape.valueDim]);
      // What a sequence begins with is in the states; the inputs stay, so that steps and prefill take the same weights.
      const weights = takeWeights(builder, weightsOf(shape, parameters), precision);
      const memory = stepMemory(builder, states, key, value, weights, shape, parameters);
      const read = readStep(query, memory, shape);
      const [newKey, newValue] = projectGroup(groupOutputs(read, shape), weights, 'layer');
      const count = Math.min(shape.keys - 1 + persistent, window - 1);
      const output = attendAll(
        matmul(read, weights['layer.query']!),
        latest(keys, count, newKey),
        latest(values, count, newValue),
        shape,
      );
      builder.output(output, 'output');
      shiftRegister(builder, 'window.key', keys, newKey);
      shiftRegister(builder, 'window.value', values, newValue);
      return builder.finish();
    },
    cost(shape, parameters) {
      const { batch, heads, kvHeads, headDim, valueDim } = shape;
      const { window, persistent } = parameters;
      const memory = stepCost(shape, parameters);
      const pairs = batch * heads * Math.min(window, shape.keys + persistent);
      const register = 4 * batch * kvHeads * window * (headDim + valueDim);
      const projected = 2 * batch * (queryProducts(shape) + keyValueProducts(shape));
      return {
        flops: memory.flops + projected + pairs * (2 * headDim + 2 * valueDim + 5),
        bytes: memory.bytes + 2 * projected + 5 * register,
        peakBytes: memory.peakBytes + 3 * register,
      };
    },
  },
  limits: [],
};
