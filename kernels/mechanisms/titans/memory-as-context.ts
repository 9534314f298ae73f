import { tensorBytes } from '../../cost/attention';
import { attentionGraph, stepInputs } from '../../graph/attention-graph';
import { GraphBuilder } from '../../graph/builder';
import { concat } from '../../graph/operators/layout';
import { matmul } from '../../graph/operators/matrix';
import type { Mechanism } from '../../mechanism';
import { denseReads } from '../../reference/pattern';
import type { AttentionShape } from '../../shape';
import { runContext } from './context';
import { inSegments, segmentsOf } from './context-graph';
import { gated, gatingFlops, gatingWeights, leastNorm } from './gating';
import {
  memoryCells,
  memoryLayers,
  memoryParameters,
  memoryStateTensors,
  memoryWeights,
  type MemoryParameters,
} from './layers';
import { packLayers, packStates } from './memory';
import { chunkBytes, chunkFlops, chunkPeakBytes, memoryBytes, stepCost } from './memory-cost';
import { groupOutputs, takeWeights, memoryAmplification } from './memory-graph';
import { readStep, stepMemory, stepStates } from './memory-step';
import { joinBehind, lastPositions, persistentParameter, persistentWeights, seeingRows } from './persistent';
import { keyValueProducts, keyValueWeights, projectGroup, queryProducts, queryWeight } from './projections';
import { attendAll, latest, shiftRegister, takeRegister } from './recent';
import { memorySupport } from './sequence';
import * as field from '../../parameters';
import type { StateTensor } from '../../graph/cache-state';

interface Parameters extends MemoryParameters {
  readonly segment: number;
  readonly persistent: number;
}

const weightsOf = (shape: AttentionShape, parameters: Parameters) => [
  ...memoryWeights(shape, parameters),
  ...keyValueWeights('context', shape),
  queryWeight('store', shape),
  ...keyValueWeights('store', shape),
  ...gatingWeights(shape),
  ...persistentWeights(shape, parameters.persistent),
];

export const memoryAsContext: Mechanism<Parameters> = {
  id: 'titans-mac',
  title: 'Memory as context (Titans)',
  family: 'memory',
  summary:
    'The sequence is cut into segments. What a neural memory answers for a segment’s queries stands in front of it as further keys; full attention runs inside, and the memory then learns its outputs. Time grows with n times the segment.',
  source: {
    reference: 'arXiv:2501.00663, section 4.1',
    trust: 'medium',
    note: 'Our choices: a position sees the memory’s answers for positions up to its own only (the paper puts those of the whole segment in front, which would show later positions); the gate reads the memory after the own position was learned (the paper: after the segment, which would show later positions too); query, key and value of a head stand for the layer’s input; keys and values of the answers, and query, key and value of what the memory learns, are projected from the heads that share a key head; persistent positions are learned keys and values that every position sees and the memory does not learn; gating is sigmoid(norm(memory) w) times norm(attention) w over the width of a head. The memory is neural-memory with its choices and parameters. The residual connection is the model’s.',
  },
  template: {
    projected: 'projections of the memory’s answers, learned persistent positions; rates of the memory',
    scores: 'q·k / √d',
    positions: { words: 'own segment, the memory’s answers for it, persistent positions', chosen: 'beforehand' },
    normaliser: { words: 'softmax inside the segment, gated by the memory', averagesValues: false },
    aggregation: 'weighted sum of values, times a gate; the memory then learns it',
    mixing: 'data-dependent',
    matrix: 'sparse and low rank',
    state: { words: 'the memory and its momentum, two d x e matrices, and one segment', grows: false },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'memory and momentum from part to part, one part after another, and one segment of keys and values',
    },
  },
  parameters: {
    segment: field.integer('Segment', 'Positions that attend to each other directly; a multiple of the chunk.', {
      min: 1,
      max: 16384,
      default: 256,
    }),
    persistent: persistentParameter,
    ...memoryParameters,
  },
  layout: 'heads-first',
  exponent: 1,
  supports(shape, parameters) {
    const { queries, keys } = shape;
    const { segment, chunk } = parameters;
    const support = memorySupport(shape, parameters);
    if (!support.ok) return support;
    if (segment % chunk !== 0) {
      return { ok: false, why: `A segment holds whole chunks: ${segment} positions are not a multiple of ${chunk}.` };
    }
    return queries < keys
      ? {
          ok: false,
          why: `The memory learns the outputs of attention, which need a query at every position: ${queries} queries have ${keys} keys.`,
        }
      : { ok: true };
  },
  weights: weightsOf,
  reference: (all, full, parameters) =>
    seeingRows(all, full, (inputs, shape) => runContext(inputs, shape, parameters).output),
  build: (full, parameters, precision) =>
    attentionGraph('titans-mac', full, precision, 'heads-first', ({ builder, query, key, value }, shape) =>
      inSegments(query, key, value, takeWeights(builder, weightsOf(full, parameters), precision), shape, parameters),
    ),
  /**
   * A segment of C: C (P + 2 C) scores, C answers of the memory, three sets of projections, the memory's chunks and gating.
   */
  cost(shape, parameters) {
    const { batch, heads, headDim: d, valueDim: e } = shape;
    const { size, length, count } = segmentsOf(Math.min(shape.queries, shape.keys), parameters);
    const rows = count * length;
    const columns = parameters.persistent + 2 * length;
    const answers = heads * memoryCells(shape, parameters);
    const products = 2 * batch * rows * (answers + queryProducts(shape) + 2 * keyValueProducts(shape));
    const scores = batch * heads * rows * columns;
    return {
      flops:
        scores * (2 * d + 2 * e + 5) +
        products +
        chunkFlops(shape, size, rows, parameters) +
        gatingFlops(shape) +
        6 * batch * heads * rows * d,
      bytes: 8 * tensorBytes(shape) + 4 * 6 * scores + chunkBytes(shape, size, rows, parameters),
      peakBytes: 3 * tensorBytes(shape) + (4 * 3 * scores) / count + chunkPeakBytes(shape, size, parameters),
    };
  },
  pattern: (shape, { segment }) => ({
    dependsOnData: true,
    readsQueries: true,
    reads: denseReads(shape),
    block: { queries: segment, keys: segment },
  }),
  amplification: memoryAmplification,
  leastDivisor: leastNorm,
  decode: {
    states: (shape, parameters) => [
      ...memoryStateTensors(shape, parameters),
      ...segmentStates(shape, parameters),
      ...segmentRegisters(shape, parameters.segment),
    ],
    stateAfter(inputs, shape, parameters) {
      const { memories, segments, readKey, readValue } = runContext(inputs, shape, parameters);
      const { segment } = parameters;
      const before = segmentStates(shape, parameters).map(({ name, shape: dims }, layer) => {
        const heads = segments.map((memory) => memory[layer]!);
        return [name, packLayers(dims, heads)] as const;
      });
      return {
        ...packStates(shape, parameters, (head) => memories[head]!),
        ...Object.fromEntries(before),
        'segment.key': lastPositions(inputs.key, segment),
        'segment.value': lastPositions(inputs.value, segment),
        'segment.context.key': lastPositions(readKey, segment),
        'segment.context.value': lastPositions(readValue, segment),
      };
    },
    // The middle of the last whole segment, where a query reads as many positions as on average.
    typical: (length, { segment }) =>
      length < segment ? length : (Math.floor(length / segment) - 1) * segment + Math.floor((segment - 1) / 2),
    build(shape, parameters, precision) {
      const { segment } = parameters;
      const builder = new GraphBuilder('titans-mac step');
      const { query, key, value } = stepInputs(builder, shape, precision);
      const states = stepStates(builder, shape, parameters, precision);
      const kept = segmentStates(shape, parameters).map(({ name, shape: dims }) =>
        builder.input(name, precision, dims),
      );
      const registers = segmentRegisters(shape, segment).map(({ name, shape: [, , rows, width] }) => ({
        name,
        register: takeRegister(builder, name, shape, precision, [rows!, width!]),
      }));
      const weights = takeWeights(builder, weightsOf(shape, parameters), precision);
      const position = shape.keys - 1;
      const before = position % segment === 0 ? states.memory : kept;
      const answers = groupOutputs(readStep(query, before, shape), shape);
      const [readKey, readValue] = projectGroup(answers, weights, 'context');
      const rows = [key, value, readKey, readValue];
      const [keys, values, readKeys, readValues] = registers.map(({ register }, at) =>
        latest(register, position % segment, rows[at]!),
      );
      const y = attendAll(
        query,
        joinBehind(weights['persistent.key'], concat([readKeys!, keys!], 2)),
        joinBehind(weights['persistent.value'], concat([readValues!, values!], 2)),
        shape,
      );
      const [newKey, newValue] = projectGroup(groupOutputs(y, shape), weights, 'store');
      const memory = stepMemory(builder, states, newKey, newValue, weights, shape, parameters);
      const read = readStep(matmul(y, weights['store.query']!), memory, shape);
      builder.output(gated(read, y, weights), 'output');
      segmentStates(shape, parameters).forEach(({ name }, layer) => {
        builder.output(before[layer]!, `next.${name}`);
      });
      registers.forEach(({ name, register }, at) => {
        shiftRegister(builder, name, register, rows[at]!);
      });
      return builder.finish();
    },
    cost(shape, parameters) {
      const { batch, heads, kvHeads, headDim, valueDim } = shape;
      const { segment, persistent } = parameters;
      const memory = stepCost(shape, parameters, 2);
      const pairs = batch * heads * (2 * (((shape.keys - 1) % segment) + 1) + persistent);
      const registers = 2 * 4 * batch * kvHeads * segment * (headDim + valueDim);
      const projected = 2 * batch * (queryProducts(shape) + 2 * keyValueProducts(shape));
      return {
        flops: memory.flops + projected + pairs * (2 * headDim + 2 * valueDim + 5),
        bytes: memory.bytes + 2 * projected + 5 * registers,
        peakBytes: memory.peakBytes + memoryBytes(shape, parameters) + 3 * registers,
      };
    },
  },
  limits: [],
};

/** The memory before the segment, layer by layer. */
const segmentStates = (shape: AttentionShape, parameters: Parameters): readonly StateTensor[] =>
  memoryLayers(shape, parameters).map(({ name, rows, columns }) => ({
    name: `state.${name.replace('memory', 'segment')}`,
    shape: [shape.batch, shape.kvHeads, rows, columns],
  }));

/** Keys and values of the latest positions, and of the memory's answers there. */
const segmentRegisters = ({ batch, kvHeads, headDim, valueDim }: AttentionShape, segment: number) => [
  { name: 'segment.key', shape: [batch, kvHeads, segment, headDim] },
  { name: 'segment.value', shape: [batch, kvHeads, segment, valueDim] },
  { name: 'segment.context.key', shape: [batch, kvHeads, segment, headDim] },
  { name: 'segment.context.value', shape: [batch, kvHeads, segment, valueDim] },
];
