/** The neural memory of Titans in graphs, chunk by chunk. */
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
import type { Weight } from '../../mechanism';
import type { AttentionShape, Precision } from '../../shape';
import { memoryLayers, type MemoryParameters } from './layers';
import { normEpsilon, type MemoryOrder } from './memory';
import { activated, errorsOf, forwardOf } from './network-graph';

export type WeightValues = Readonly<Record<string, Value>>;

export const takeWeights = (builder: GraphBuilder, weights: readonly Weight[], precision: Precision): WeightValues =>
  Object.fromEntries(weights.map(({ name, shape }) => [name, builder.input(name, precision, shape)]));

/** SiLU, then length 1 along the last axis. */
export function unitRows(x: Value): Value {
  const active = multiply(x, sigmoid(x));
  return divide(active, squareRoot(add(reduceSum(multiply(active, active), [-1]), normEpsilon)));
}

/** forget and keep are absent where they are switched off: nothing is forgotten, no surprise is kept. */
export interface GateValues {
  readonly forget?: Value;
  readonly learn: Value;
  readonly keep?: Value;
}

/** forget, learn and keep of each position, [b, hkv, m, 1]. */
export function gateValues(
  key: Value,
  weights: WeightValues,
  { forgetting, momentum, rate }: Pick<MemoryParameters, 'forgetting' | 'momentum' | 'rate'>,
): GateValues {
  const all = sigmoid(add(matmul(key, weights['gates']!), weights['gates.offset']!));
  const column = (at: number): Value => slice(all, 3, at, at + 1);
  const learn = column(1);
  return {
    ...(forgetting ? { forget: column(0) } : {}),
    learn: rate === 1 ? learn : multiply(learn, rate),
    ...(momentum ? { keep: column(2) } : {}),
  };
}

/**
 * Rounding by the logarithms below: weights between the L positions of a chunk are exponentials of differences of running sums,
 * up to L log 2 for gates near a half, and err by the rounding of those sums: by sqrt(L) / 2 times that of a sum of L numbers
 * of either sign.
 */
export const memoryAmplification = (
  _inputs: unknown,
  { keys }: AttentionShape,
  { chunk }: Pick<MemoryOrder, 'chunk'>,
): number => 1 + Math.sqrt(Math.min(chunk, keys)) / 2;

// A gate of 0 would make differences of infinities; exp(-60) is nothing beside 1.
const logOf = (gate: Value): Value => maximum(logarithm(gate), -60);

/** log(1 - forget), log(keep) and learn. */
export interface Decays {
  readonly logKept?: Value;
  readonly logKeep?: Value;
  readonly rate: Value;
}

export const decaysOf = ({ forget, learn, keep }: GateValues): Decays => ({
  ...(forget ? { logKept: logOf(subtract(1, forget)) } : {}),
  ...(keep ? { logKeep: logOf(keep) } : {}),
  rate: learn,
});

/** Ones on and below the diagonal. */
export const lowerTriangle = (like: Value, size: number): Value =>
  like.graph.constant(
    like.type,
    [size, size],
    Float32Array.from({ length: size * size }, (_, x) => (x % size <= Math.floor(x / size) ? 1 : 0)),
  );

/** Phi and, with momentum, S before or after a chunk, layer by layer [b, hkv, 1, rows, columns]. */
export interface CarriedMemory {
  readonly memory: readonly Value[];
  readonly surprise: readonly Value[];
}

/** A chunk's rows [b, hkv, g or 1, L, width]: queries and keys of length 1, and the numbers of each key. */
export interface ChunkRows extends Decays {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
}

/** What the gradients of a chunk, and what it began with, weigh after each of its positions. */
interface ChunkWeights {
  /** W [b, hkv, 1, L, L], B [.., L, 1] and c [.., L, 1]. */
  readonly gradients: Value;
  readonly memory?: Value;
  readonly surprise?: Value;
  /** The surprise S after the last position is a sum: weights of the gradients [.., 1, L] and of the S before. */
  readonly surpriseGradients?: Value;
  readonly surpriseKept?: Value;
}

const last = (x: Value): Value => slice(x, 3, Number(x.shape[3]) - 1, Number(x.shape[3]));
const column = (row: Value): Value => transpose(row, [0, 1, 2, 4, 3]);

/**
 * With A[t, s] the product of (1 - forget) over (s, t] and E[s, i] that of keep over (i, s], both for s <= t and i <= s, the
 * gradient of i weighs W[t, i] = learn_i sum_s A[t, s] E[s, i] in the memory after t; what the chunk began with weighs B_t
 * (memory) and c_t = sum_s A[t, s] E[s, 0] (surprise).
 */
function chunkWeights({ logKept, logKeep, rate }: Decays, lower: Value): ChunkWeights {
  const between = (sums: Value): Value => multiply(exponential(minimum(subtract(sums, column(sums)), 0)), lower);
  const keptSums = logKept && cumulativeSum(logKept, 3); // [b, hkv, 1, L, 1]
  const forgetting = keptSums && between(keptSums); // A; without forgetting the triangle itself
  const rates = column(rate); // [b, hkv, 1, 1, L]
  const kept = keptSums ? { memory: exponential(keptSums) } : {};
  if (!logKeep) return { gradients: multiply(rates, forgetting ?? lower), ...kept };
  const keepSums = cumulativeSum(logKeep, 3);
  const momentum = between(keepSums); // E
  const decayed = (x: Value): Value => (forgetting ? matmul(forgetting, x) : cumulativeSum(x, 3));
  return {
    gradients: multiply(decayed(momentum), rates),
    ...kept,
    surprise: decayed(exponential(keepSums)),
    surpriseGradients: multiply(last(momentum), rates),
    surpriseKept: exponential(last(keepSums)),
  };
}

/**
 * A chunk at once, layer by layer. The gradient of position i is x_i^T u_i, x_i what its key brings to the layer and u_i the
 * error behind it, both at the memory Phi of the chunk's start; so a row r_t of a query gives B_t r_t Phi + c_t r_t S -
 * sum_i W[t, i] (r_t . x_i) u_i, and no memory of a single position is ever made.
 */
export function learnChunk(
  { memory, surprise }: CarriedMemory,
  { query, key, value, ...decays }: ChunkRows,
  lower: Value,
): { readonly next: CarriedMemory; readonly read: Value } {
  const weights = chunkWeights(decays, lower);
  const forward = forwardOf(memory, key);
  const errors = errorsOf(memory, forward, value);
  const scaled = (x: Value, factor: Value | undefined): Value => (factor ? multiply(x, factor) : x);
  let read = query;
  const next = memory.map((phi, layer) => {
    const [x, u] = [forward[layer]!.input, errors[layer]!];
    const s = surprise[layer];
    const rows = layer === 0 ? read : activated(read);
    const seen = multiply(fusedMatmul(rows, x, { transposeB: true }), weights.gradients);
    const start = scaled(matmul(rows, phi), weights.memory);
    const began = s ? add(start, multiply(matmul(rows, s), weights.surprise!)) : start;
    read = subtract(began, matmul(seen, u));
    const gathered = (row: Value): Value => fusedMatmul(multiply(x, column(row)), u, { transposeA: true });
    const kept = scaled(phi, weights.memory && last(weights.memory));
    const carried = s ? add(kept, multiply(s, last(weights.surprise!))) : kept;
    return {
      memory: subtract(carried, gathered(last(weights.gradients))),
      ...(s ? { surprise: add(multiply(s, weights.surpriseKept!), negate(gathered(weights.surpriseGradients!))) } : {}),
    };
  });
  return {
    next: {
      memory: next.map((layer) => layer.memory),
      surprise: next.flatMap((layer) => layer.surprise ?? []),
    },
    read,
  };
}

/** The memory that every sequence begins with, and no surprise. */
export function initialCarry(
  weights: WeightValues,
  shape: AttentionShape,
  parameters: MemoryParameters,
): CarriedMemory {
  const { batch, kvHeads } = shape;
  const memory = memoryLayers(shape, parameters).map(({ name, rows, columns }) =>
    expand(unsqueeze(unsqueeze(weights[name]!, 0), 2), [batch, kvHeads, 1, rows, columns]),
  );
  return { memory, surprise: parameters.momentum ? memory.map((layer) => multiply(layer, 0)) : [] };
}

/** The states of a scan, and back. */
export const flatCarry = ({ memory, surprise }: CarriedMemory): readonly Value[] => [...memory, ...surprise];
export const carryOf = (states: readonly Value[], { depth }: MemoryParameters): CarriedMemory => ({
  memory: states.slice(0, depth),
  surprise: states.slice(depth),
});

/** How a sequence is cut into chunks; zeros in front of the persistent positions are neither learned nor forgotten. */
export function chunksOf(keys: number, { chunk, before = 0 }: Pick<MemoryOrder, 'chunk' | 'before'>) {
  const size = Math.min(chunk, Math.max(before, keys - before));
  const front = (size - (before % size)) % size;
  return { size, front, count: Math.ceil((front + keys) / size) };
}

/** Outputs of a memory alone, [b, h, n, dv], for queries at the last n of all keys. */
export function readInChunks(
  query: Value,
  key: Value,
  value: Value,
  weights: WeightValues,
  shape: AttentionShape,
  order: MemoryOrder,
): Value {
  const rows = {
    query: unitRows(query),
    key: unitRows(key),
    value,
    ...decaysOf(gateValues(key, weights, order)),
  };
  return readRows(rows, initialCarry(weights, shape, order), shape, order);
}

/** The same of rows that are made: queries [b, h, n, d], all others [b, hkv, m, .]. */
export function readRows(rows: ChunkRows, first: CarriedMemory, shape: AttentionShape, order: MemoryOrder): Value {
  const { batch, heads, kvHeads, queries, keys, valueDim } = shape;
  const { size, front, count } = chunksOf(keys, order);
  const blocks = (x: Value, own: number): Value => {
    const [length, width] = [Number(x.shape[2]), Number(x.shape[3])];
    const padded = pad(x, 2, front + keys - length, count * size - front - keys);
    return transpose(reshape(padded, [batch, kvHeads, own, count, size, width]), [3, 0, 1, 2, 4, 5]);
  };
  const names = Object.keys(rows);
  const cut = Object.entries(rows).map(([name, x]) => blocks(x as Value, name === 'query' ? heads / kvHeads : 1));
  const lower = lowerTriangle(rows.query, size);
  const { outputs } = scan(flatCarry(first), cut, (states, slices) => {
    const chunk = Object.fromEntries(names.map((name, at) => [name, slices[at]!])) as unknown as ChunkRows;
    const { next, read } = learnChunk(carryOf(states, order), chunk, lower);
    return { states: flatCarry(next), outputs: [read] };
  });
  const joined = reshape(transpose(outputs[0]!, [1, 2, 3, 0, 4, 5]), [batch, heads, count * size, valueDim]);
  return slice(joined, 2, front + keys - queries, front + keys);
}

/** The same of every value of a record. */
export const mapped = <T extends object>(record: T, change: (value: Value) => Value): T =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value as Value)])) as T;

/** Outputs [b, h, n, dv] by groups of heads, [b, hkv, g, n, dv]. */
export const groupOutputs = (x: Value, shape: AttentionShape): Value =>
  groupQueries(x, { ...shape, headDim: shape.valueDim });
