/** The neural memory of Titans in graphs: chunk by chunk, and one step of decoding. */
import type { GraphBuilder } from '../../graph/builder';
import { groupQueries } from '../../graph/attention-graph';
import { scan } from '../../graph/operators/control';
import {
  add,
  divide,
  exponential,
  logarithm,
  maximum,
  minimum,
  multiply,
  negate,
  sigmoid,
  squareRoot,
  subtract,
} from '../../graph/operators/elementwise';
import { expand, pad, reshape, slice, transpose, unsqueeze } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { cumulativeSum, reduceSum } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { StateTensor, Weight } from '../../mechanism';
import type { AttentionShape, Precision } from '../../shape';
import { normEpsilon, type MemoryOrder, type MemoryStateName } from './memory';

/** The weights of a memory: gates of a key, and what it begins with. */
export const memoryWeights = ({ kvHeads, headDim, valueDim }: AttentionShape): readonly Weight[] => [
  { name: 'gates', shape: [kvHeads, headDim, 3], initial: { kind: 'normal', deviation: headDim ** -0.5 } },
  { name: 'gates.offset', shape: [kvHeads, 1, 3], initial: { kind: 'constant', value: 0 } },
  { name: 'memory', shape: [kvHeads, headDim, valueDim], initial: { kind: 'normal', deviation: headDim ** -0.5 } },
];

/** SiLU, then length 1 along the last axis. */
export function unitRows(x: Value): Value {
  const active = multiply(x, sigmoid(x));
  return divide(active, squareRoot(add(reduceSum(multiply(active, active), [-1]), normEpsilon)));
}

export interface GateValues {
  readonly forget: Value;
  readonly learn: Value;
  readonly keep: Value;
}

/** forget, learn and keep of each position, [b, hkv, m, 1]. */
export function gateValues(key: Value, gates: Value, offset: Value): GateValues {
  const all = sigmoid(add(matmul(key, gates), offset));
  const [forget, learn, keep] = [0, 1, 2].map((at) => slice(all, 3, at, at + 1)) as [Value, Value, Value];
  return { forget, learn, keep };
}

// A gate of 0 would make differences of infinities; exp(-60) is nothing beside 1.
const logOf = (gate: Value): Value => maximum(logarithm(gate), -60);

/** log(1 - forget), log(keep) and learn. */
export const decaysOf = ({ forget, learn, keep }: GateValues) => ({
  logKept: logOf(subtract(1, forget)),
  logKeep: logOf(keep),
  rate: learn,
});

/** Ones on and below the diagonal. */
export const lowerTriangle = (like: Value, size: number): Value =>
  like.graph.constant(
    like.type,
    [size, size],
    Float32Array.from({ length: size * size }, (_, x) => (x % size <= Math.floor(x / size) ? 1 : 0)),
  );

/** Phi and S before or after a chunk, [b, hkv, 1, d, dv]. */
export interface CarriedMemory {
  readonly memory: Value;
  readonly surprise: Value;
}

/** A chunk's rows [b, hkv, g or 1, L, width]: queries and keys of length 1, and the three numbers of each key. */
export interface ChunkRows {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  readonly logKept: Value;
  readonly logKeep: Value;
  readonly rate: Value;
}

/**
 * A chunk at once. With A[t, s] the product of (1 - forget) over (s, t] and E[s, i] that of keep over (i, s], both for s <= t
 * and i <= s, the gradient of i weighs W[t, i] = learn_i sum_s A[t, s] E[s, i] in the memory after t; what the chunk began
 * with weighs B_t (memory) and c_t (surprise). Then y_t = B_t q_t Phi + c_t q_t S - sum_i W[t, i] (q_t . k_i) u_i with u_i =
 * k_i Phi - v_i.
 */
export function learnChunk(
  { memory, surprise }: CarriedMemory,
  { query, key, value, logKept, logKeep, rate }: ChunkRows,
  lower: Value,
): { readonly next: CarriedMemory; readonly read: Value } {
  const size = Number(key.shape[3]);
  const between = (sums: Value): Value =>
    multiply(exponential(minimum(subtract(sums, transpose(sums, [0, 1, 2, 4, 3])), 0)), lower);
  const [keptSums, keepSums] = [cumulativeSum(logKept, 3), cumulativeSum(logKeep, 3)]; // [b, hkv, 1, L, 1]
  const forgetting = between(keptSums); // A
  const momentum = between(keepSums); // E
  const rates = transpose(rate, [0, 1, 2, 4, 3]); // [b, hkv, 1, 1, L]
  const weights = multiply(matmul(forgetting, momentum), rates);
  const fromMemory = exponential(keptSums);
  const fromSurprise = matmul(forgetting, exponential(keepSums));
  const errors = subtract(matmul(key, memory), value);
  const seen = multiply(fusedMatmul(query, key, { transposeB: true }), weights);
  const read = subtract(
    add(multiply(matmul(query, memory), fromMemory), multiply(matmul(query, surprise), fromSurprise)),
    matmul(seen, errors),
  );
  const last = (x: Value): Value => slice(x, 3, size - 1, size);
  const column = (row: Value): Value => transpose(row, [0, 1, 2, 4, 3]);
  const gathered = (row: Value): Value => fusedMatmul(multiply(key, column(row)), errors, { transposeA: true });
  const nextMemory = subtract(
    add(multiply(memory, last(fromMemory)), multiply(surprise, last(fromSurprise))),
    gathered(last(weights)),
  );
  const nextSurprise = add(
    multiply(surprise, exponential(last(keepSums))),
    negate(gathered(multiply(last(momentum), rates))),
  );
  return { next: { memory: nextMemory, surprise: nextSurprise }, read };
}

/** The memory that every sequence begins with, and no surprise. */
export function initialCarry(memory: Value, { batch, kvHeads, headDim, valueDim }: AttentionShape): CarriedMemory {
  const first = expand(unsqueeze(unsqueeze(memory, 0), 2), [batch, kvHeads, 1, headDim, valueDim]);
  return { memory: first, surprise: multiply(first, 0) };
}

/** How a sequence is cut into chunks; zeros in front of the persistent positions are neither learned nor forgotten. */
export function chunksOf(keys: number, { chunk, before = 0 }: MemoryOrder) {
  const size = Math.min(chunk, Math.max(before, keys - before));
  const front = (size - (before % size)) % size;
  return { size, front, count: Math.ceil((front + keys) / size) };
}

/** Outputs of a memory alone, [b, h, n, dv], for queries at the last n of all keys. */
export function readInChunks(
  query: Value,
  key: Value,
  value: Value,
  [gates, offset, memory]: readonly Value[],
  shape: AttentionShape,
  order: MemoryOrder,
): Value {
  const { batch, heads, kvHeads, queries, keys, valueDim } = shape;
  const group = heads / kvHeads;
  const { size, front, count } = chunksOf(keys, order);
  const blocks = (x: Value, own: number): Value => {
    const [rows, width] = [Number(x.shape[2]), Number(x.shape[3])];
    const padded = pad(x, 2, front + keys - rows, count * size - front - keys);
    return transpose(reshape(padded, [batch, kvHeads, own, count, size, width]), [3, 0, 1, 2, 4, 5]);
  };
  const { logKept, logKeep, rate } = decaysOf(gateValues(key, gates!, offset!));
  const scanned = [
    blocks(unitRows(query), group),
    blocks(unitRows(key), 1),
    blocks(value, 1),
    blocks(logKept, 1),
    blocks(logKeep, 1),
    blocks(rate, 1),
  ];
  const first = initialCarry(memory!, shape);
  const lower = lowerTriangle(query, size);
  const { outputs } = scan([first.memory, first.surprise], scanned, ([phi, surprise], [q, k, v, kept, keep, learn]) => {
    const rows = { query: q!, key: k!, value: v!, logKept: kept!, logKeep: keep!, rate: learn! };
    const { next, read } = learnChunk({ memory: phi!, surprise: surprise! }, rows, lower);
    return { states: [next.memory, next.surprise], outputs: [read] };
  });
  const rows = reshape(transpose(outputs[0]!, [1, 2, 3, 0, 4, 5]), [batch, heads, count * size, valueDim]);
  return slice(rows, 2, front + keys - queries, front + keys);
}

/**
 * Multiply-adds and other operations of the chunks of `rows` keys. A chunk of L: decays L^3 + L^2, errors and states 3 L d dv
 * for a key head; 2 L d dv + L^2 (d + dv) for a query head.
 */
export function chunkFlops(
  { batch, heads, kvHeads, headDim: d, valueDim: e }: AttentionShape,
  size: number,
  rows: number,
): number {
  const perKey = size ** 2 + size + 3 * d * e + 3 * d;
  const perQuery = 2 * d * e + size * (d + e);
  const products = batch * rows * (kvHeads * perKey + heads * perQuery);
  const elementwise = batch * rows * (kvHeads * (8 * size + 6 * d) + heads * (2 * size + 6 * d));
  return 2 * products + elementwise;
}

/** Bytes of one set of memories, float32. */
export const memoryBytes = ({ batch, kvHeads, headDim, valueDim }: AttentionShape): number =>
  4 * batch * kvHeads * headDim * valueDim;

/** What decoding carries, all [b, hkv, d, dv]. */
export const memoryStateTensors = ({ batch, kvHeads, headDim, valueDim }: AttentionShape): readonly StateTensor[] =>
  (['state.memory', 'state.surprise', 'state.start'] as const satisfies readonly MemoryStateName[]).map((name) => ({
    name,
    shape: [batch, kvHeads, headDim, valueDim],
  }));

export interface StepMemory {
  readonly memory: Value;
  readonly surprise: Value;
  readonly start: Value;
}

/** The states as inputs of a step's graph. */
export function stepStates(builder: GraphBuilder, shape: AttentionShape, precision: Precision): StepMemory {
  const [memory, surprise, start] = memoryStateTensors(shape).map(({ name, shape: dims }) =>
    builder.input(name, precision, dims),
  ) as [Value, Value, Value];
  return { memory, surprise, start };
}

/**
 * Learns one position, key [b, hkv, 1, d] and value [b, hkv, 1, dv], and hands the states on. `beginsChunk` says that the
 * position is the first of its chunk.
 */
export function stepMemory(
  builder: GraphBuilder,
  { memory, surprise, start: kept }: StepMemory,
  key: Value,
  value: Value,
  [gates, offset]: readonly Value[],
  beginsChunk: boolean,
): Value {
  const start = beginsChunk ? memory : kept;
  const { forget, learn, keep } = gateValues(key, gates!, offset!); // [b, hkv, 1, 1]
  const k = unitRows(key);
  const gradient = fusedMatmul(k, subtract(matmul(k, start), value), { transposeA: true });
  const nextSurprise = subtract(multiply(surprise, keep), multiply(gradient, learn));
  const next = add(multiply(memory, subtract(1, forget)), nextSurprise);
  builder.output(next, 'next.state.memory');
  builder.output(nextSurprise, 'next.state.surprise');
  builder.output(start, 'next.state.start');
  return next;
}

/** The new position's read, [b, h, 1, dv]. */
export function readStep(query: Value, memory: Value, { batch, heads, kvHeads, headDim, valueDim }: AttentionShape) {
  const rows = reshape(unitRows(query), [batch, kvHeads, heads / kvHeads, headDim]);
  return reshape(matmul(rows, memory), [batch, heads, 1, valueDim]);
}

/** Outputs [b, h, n, dv] by groups of heads, [b, hkv, g, n, dv]. */
export const groupOutputs = (x: Value, shape: AttentionShape): Value =>
  groupQueries(x, { ...shape, headDim: shape.valueDim });
