import { tensorBytes } from '../../cost/attention';
import { additiveMask, attentionGraph, stepInputs } from '../../graph/attention-graph';
import { GraphBuilder } from '../../graph/builder';
import { scan } from '../../graph/operators/control';
import { add } from '../../graph/operators/elementwise';
import { concat, pad, reshape, slice, transpose, unsqueeze } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { softmax } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { Mechanism } from '../../mechanism';
import { denseReads } from '../../reference/pattern';
import type { AttentionShape } from '../../shape';
import { tensor } from '../../tensors/tensor';
import { runContext } from './context';
import { gated, gatedTolerance, gatingFlops, gatingWeights } from './gating';
import { packStates } from './memory';
import {
  chunkFlops,
  decaysOf,
  gateValues,
  groupOutputs,
  initialCarry,
  learnChunk,
  lowerTriangle,
  memoryBytes,
  memoryStateTensors,
  memoryWeights,
  readStep,
  stepMemory,
  stepStates,
  unitRows,
} from './memory-graph';
import { joinBehind, lastPositions, persistentParameter, persistentWeights, seeingRows, spread } from './persistent';
import { keyValueProducts, keyValueWeights, projectGroup, queryProducts, queryWeight } from './projections';
import { attendAll, latest, shiftRegister, takeRegister } from './recent';
import { chunkParameter, inOrder } from './sequence';

interface Parameters extends Record<string, number> {
  readonly segment: number;
  readonly persistent: number;
  readonly chunk: number;
}

/** In the order in which the graphs take them. */
const weightsOf = (shape: AttentionShape, { persistent }: Parameters) => [
  ...memoryWeights(shape),
  ...keyValueWeights('context', shape),
  queryWeight('store', shape),
  ...keyValueWeights('store', shape),
  ...gatingWeights(shape),
  ...persistentWeights(shape, persistent),
];

const takeWeights = (
  builder: GraphBuilder,
  shape: AttentionShape,
  parameters: Parameters,
  precision: 'float32' | 'float16',
): Readonly<Record<string, Value>> =>
  Object.fromEntries(
    weightsOf(shape, parameters).map(({ name, shape: dims }) => [name, builder.input(name, precision, dims)]),
  );

export const memoryAsContext: Mechanism<Parameters> = {
  id: 'titans-mac',
  title: 'Memory as context (Titans)',
  family: 'memory',
  summary:
    'The sequence is cut into segments. What a neural memory answers for a segment’s queries stands in front of it as further keys; full attention runs inside, and the memory then learns its outputs. Time grows with n times the segment.',
  source: {
    reference: 'arXiv:2501.00663, section 4.1',
    trust: 'medium',
    note: 'Our choices: a position sees the memory’s answers for positions up to its own only (the paper puts those of the whole segment in front, which would show later positions); the gate reads the memory after the own position was learned (the paper: after the segment, which would show later positions too); query, key and value of a head stand for the layer’s input; keys and values of the answers, and query, key and value of what the memory learns, are projected from the heads that share a key head; persistent positions are learned keys and values that every position sees and the memory does not learn; gating is sigmoid(norm(memory) w) times norm(attention) w over the width of a head. The memory is neural-memory with its choices: one layer, no convolution. The residual connection is the model’s.',
  },
  template: {
    projected: 'projections of the memory’s answers, learned persistent positions; rates of the memory',
    scores: 'q·k / √d',
    positions: { words: 'own segment, the memory’s answers for it, persistent positions', chosen: 'by data' },
    normaliser: { words: 'softmax inside the segment, gated by the memory', averagesValues: false },
    aggregation: 'weighted sum of values, times a gate; the memory then learns it',
    mixing: 'data-dependent',
    matrix: 'sparse',
    state: { words: 'the memory and its momentum, two d x e matrices, and one segment', grows: false },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'memory and momentum from part to part, one part after another, and one segment of keys and values',
    },
  },
  parameters: {
    segment: {
      kind: 'integer',
      title: 'Segment',
      description: 'Positions that attend to each other directly; a multiple of the chunk.',
      min: 1,
      max: 16384,
      default: 256,
    },
    persistent: persistentParameter,
    chunk: chunkParameter,
  },
  layout: 'heads-first',
  exponent: 1,
  supports(shape, { segment, chunk }) {
    const { queries, keys } = shape;
    const support = inOrder(shape);
    if (!support.ok) return support;
    if (segment % chunk !== 0) {
      return { ok: false, why: `A segment holds whole chunks: ${segment} positions are no multiple of ${chunk}.` };
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
      inSegments(query, key, value, takeWeights(builder, full, parameters, precision), shape, parameters),
    ),
  /**
   * A segment of C: C (P + 2 C) scores, C answers of d dv, three sets of projections, the memory's chunks and gating.
   */
  cost(shape, parameters) {
    const { batch, heads, kvHeads, headDim: d, valueDim: e } = shape;
    const { size, length, count } = segmentsOf(Math.min(shape.queries, shape.keys), parameters);
    const rows = count * length;
    const columns = parameters.persistent + 2 * length;
    const products = 2 * batch * rows * (heads * d * e + queryProducts(shape) + 2 * keyValueProducts(shape));
    const scores = batch * heads * rows * columns;
    const states = memoryBytes(shape);
    return {
      flops:
        scores * (2 * d + 2 * e + 5) +
        products +
        chunkFlops(shape, size, rows) +
        gatingFlops(shape) +
        6 * batch * heads * rows * d,
      bytes:
        8 * tensorBytes(shape) +
        4 * 6 * scores +
        (rows / size) * 12 * states +
        4 * batch * rows * size * (6 * kvHeads + 4 * heads),
      peakBytes: 3 * tensorBytes(shape) + (4 * 3 * scores) / count + 6 * states,
    };
  },
  pattern: (shape, { segment }) => ({
    dependsOnData: true,
    readsQueries: true,
    reads: denseReads(shape),
    block: { queries: segment, keys: segment },
  }),
  tolerance: (inputs, shape, _parameters, precision) => gatedTolerance(inputs, shape, precision),
  decode: {
    states: (shape, { segment }) => [
      ...memoryStateTensors(shape),
      { name: 'state.segment', shape: [shape.batch, shape.kvHeads, shape.headDim, shape.valueDim] },
      ...segmentRegisters(shape, segment),
    ],
    stateAfter(inputs, shape, parameters) {
      const { memories, segments, readKey, readValue } = runContext(inputs, shape, parameters);
      const { batch, kvHeads, headDim, valueDim } = shape;
      const { segment } = parameters;
      return {
        ...packStates(shape, (head) => memories[head]!),
        'state.segment': tensor(
          [batch, kvHeads, headDim, valueDim],
          Float64Array.from(segments.flatMap((memory) => [...memory])),
        ),
        'segment.key': lastPositions(inputs.key, segment),
        'segment.value': lastPositions(inputs.value, segment),
        'segment.context.key': lastPositions(readKey, segment),
        'segment.context.value': lastPositions(readValue, segment),
      };
    },
    build(shape, parameters, precision) {
      const { segment, chunk } = parameters;
      const builder = new GraphBuilder('titans-mac step');
      const { query, key, value } = stepInputs(builder, shape, precision);
      const states = stepStates(builder, shape, precision);
      const kept = builder.input('state.segment', precision, states.memory.shape);
      const registers = segmentRegisters(shape, segment).map(({ name, shape: [, , rows, width] }) => ({
        name,
        register: takeRegister(builder, name, shape, precision, [rows!, width!]),
      }));
      const weights = takeWeights(builder, shape, parameters, precision);
      const of = (...names: readonly string[]): readonly Value[] => names.map((name) => weights[name]!);
      const position = shape.keys - 1;
      const before = position % segment === 0 ? states.memory : kept;
      const answers = groupOutputs(readStep(query, before, shape), shape);
      const [readKey, readValue] = projectGroup(answers, of('context.key', 'context.value'));
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
      const [newKey, newValue] = projectGroup(groupOutputs(y, shape), of('store.key', 'store.value'));
      const gates = of('gates', 'gates.offset');
      const memory = stepMemory(builder, states, newKey, newValue, gates, position % chunk === 0);
      const read = readStep(matmul(y, weights['store.query']!), memory, shape);
      builder.output(gated(read, y, of('norm.memory', 'norm.attention')), 'output');
      builder.output(before, 'next.state.segment');
      registers.forEach(({ name, register }, at) => {
        shiftRegister(builder, name, register, rows[at]!);
      });
      return builder.finish();
    },
    cost(shape, { segment, persistent }) {
      const { batch, heads, kvHeads, headDim, valueDim } = shape;
      const cells = batch * headDim * valueDim;
      const pairs = batch * heads * (2 * (((shape.keys - 1) % segment) + 1) + persistent);
      const registers = 2 * 4 * batch * kvHeads * segment * (headDim + valueDim);
      const projected = 2 * batch * (queryProducts(shape) + 2 * keyValueProducts(shape));
      return {
        flops: cells * (9 * kvHeads + 4 * heads) + projected + pairs * (2 * headDim + 2 * valueDim + 5),
        bytes: 4 * cells * 14 * kvHeads + 2 * projected + 5 * registers,
        peakBytes: 4 * cells * 7 * kvHeads + 3 * registers,
      };
    },
  },
  limits: [],
};

/** Keys and values of the latest positions, and of the memory's answers there. */
const segmentRegisters = ({ batch, kvHeads, headDim, valueDim }: AttentionShape, segment: number) => [
  { name: 'segment.key', shape: [batch, kvHeads, segment, headDim] },
  { name: 'segment.value', shape: [batch, kvHeads, segment, valueDim] },
  { name: 'segment.context.key', shape: [batch, kvHeads, segment, headDim] },
  { name: 'segment.context.value', shape: [batch, kvHeads, segment, valueDim] },
];

/** `count` segments of `length` positions, each in whole chunks of `size`; the last one is filled up with zeros. */
function segmentsOf(keys: number, { segment, chunk }: Parameters) {
  const size = Math.min(chunk, keys);
  const length = Math.min(segment, Math.ceil(keys / size) * size);
  return { size, length, count: Math.ceil(keys / length) };
}

function inSegments(
  query: Value,
  key: Value,
  value: Value,
  weights: Readonly<Record<string, Value>>,
  shape: AttentionShape,
  parameters: Parameters,
): Value {
  const { batch, heads, kvHeads, keys, headDim, valueDim } = shape;
  const group = heads / kvHeads;
  const { size, length, count } = segmentsOf(keys, parameters);
  const { persistent } = parameters;
  const cut = (x: Value, own: number): Value => {
    const padded = pad(x, 2, 0, count * length - keys);
    const width = Number(x.shape[3]);
    return transpose(reshape(padded, [batch, own, count, length, width]), [2, 0, 1, 3, 4]);
  };
  const of = (...names: readonly string[]): readonly Value[] => names.map((name) => weights[name]!);
  const first = initialCarry(weights['memory']!, shape);
  const lower = lowerTriangle(query, size);
  const storeQuery = reshape(weights['store.query']!, [kvHeads, group, valueDim, headDim]);
  const prefix = of('persistent.key', 'persistent.value')
    .filter(Boolean)
    .map((rows) => spread(rows, batch));
  // Columns: the memory's answers, the segment, the persistent positions.
  const mask = additiveMask(query, length, 2 * length + persistent, (i, j) => j >= 2 * length || j % length <= i);
  const { outputs } = scan(
    [first.memory, first.surprise],
    [cut(query, heads), cut(key, kvHeads), cut(value, kvHeads)],
    ([memory, surprise], [q, k, v]) => {
      const queries = reshape(q!, [batch, kvHeads, group, length, headDim]);
      const answers = matmul(unitRows(queries), memory!);
      const [readKey, readValue] = projectGroup(answers, of('context.key', 'context.value'));
      const joinedKeys = concat([readKey, k!, ...prefix.slice(0, 1)], 2);
      const joinedValues = concat([readValue, v!, ...prefix.slice(1)], 2);
      const tile = reshape(q!, [batch, kvHeads, group * length, headDim]);
      const scores = fusedMatmul(tile, joinedKeys, { transposeB: true, scale: headDim ** -0.5 });
      const apart = reshape(scores, [batch, kvHeads, group, length, 2 * length + persistent]);
      const probabilities = softmax(reshape(add(apart, mask), scores.shape));
      const y = reshape(matmul(probabilities, joinedValues), [batch, kvHeads, group, length, valueDim]);

      const [newKey, newValue] = projectGroup(y, of('store.key', 'store.value'));
      const [gates, offset] = of('gates', 'gates.offset');
      const decays = decaysOf(gateValues(newKey, gates!, offset!));
      const rows = {
        query: unitRows(matmul(y, storeQuery)),
        key: unsqueeze(unitRows(newKey), 2),
        value: unsqueeze(newValue, 2),
        logKept: unsqueeze(decays.logKept, 2),
        logKeep: unsqueeze(decays.logKeep, 2),
        rate: unsqueeze(decays.rate, 2),
      };
      let carry = { memory: memory!, surprise: surprise! };
      const reads: Value[] = [];
      for (let from = 0; from < length; from += size) {
        const chunk = (x: Value): Value => slice(x, 3, from, from + size);
        const learned = learnChunk(
          carry,
          {
            query: chunk(rows.query),
            key: chunk(rows.key),
            value: chunk(rows.value),
            logKept: chunk(rows.logKept),
            logKeep: chunk(rows.logKeep),
            rate: chunk(rows.rate),
          },
          lower,
        );
        carry = learned.next;
        reads.push(learned.read);
      }
      const byHead = (x: Value): Value => reshape(x, [batch, heads, length, valueDim]);
      const output = gated(byHead(concat(reads, 3)), byHead(y), of('norm.memory', 'norm.attention'));
      return { states: [carry.memory, carry.surprise], outputs: [output] };
    },
  );
  const joined = reshape(transpose(outputs[0]!, [1, 2, 0, 3, 4]), [batch, heads, count * length, valueDim]);
  return slice(joined, 2, 0, keys);
}
