/** The neural memory of Titans in float64, position by position (arXiv:2501.00663, section 3). */
import type { AttentionShape } from '../../shape';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import { memoryLayers, memoryStateTensors, type MemoryParameters } from './layers';
import { answerOf, gradientsOf, mixed, type Network } from './network';
import type { AttentionInputs } from '../../tensors/tensor';

/** Under the root of the norm that brings queries and keys to length 1. */
export const normEpsilon = 1e-6;

/** Numbers of one position: how much is forgotten, learned from it, and kept of the earlier surprise. */
export interface Gates {
  readonly forget: number;
  readonly learn: number;
  readonly keep: number;
}

export interface Memory {
  /** Phi, S and Phi at the start of the chunk. */
  readonly memory: Network;
  readonly surprise: Network;
  readonly start: Network;
}

/** SiLU, then length 1. */
export function unit(x: Float64Array, from: number, width: number): Float64Array {
  const row = x.slice(from, from + width).map((each) => each / (1 + Math.exp(-each)));
  const length = Math.sqrt(row.reduce((sum, each) => sum + each * each, normEpsilon));
  return row.map((each) => each / length);
}

/**
 * One position: S <- keep S - learn grad, Phi <- (1 - forget) Phi + S, grad the gradient of half the squared error at Phi~,
 * the memory at the start of the chunk; for a matrix k^T (k Phi~ - v).
 */
export function learnOne(
  { memory, surprise, start }: Memory,
  key: Float64Array,
  value: Float64Array,
  { forget, learn, keep }: Gates,
): Memory {
  const nextSurprise = mixed(keep, surprise, -learn, gradientsOf(start, key, value));
  return { memory: mixed(1 - forget, memory, 1, nextSurprise), surprise: nextSurprise, start };
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/**
 * sigmoid(k W + c) of one key row: W [hkv, d, 3] and c [hkv, 1, 3], columns forget, learn, keep; learn times the rate, and 0
 * for what is switched off.
 */
export function gatesOf(
  { key, weights }: Pick<AttentionInputs, 'key' | 'weights'>,
  row: number,
  kvHead: number,
  { forgetting, momentum, rate }: Pick<MemoryParameters, 'forgetting' | 'momentum' | 'rate'>,
): Gates {
  const [matrix, offset] = [weights['gates']!.data, weights['gates.offset']!.data];
  const width = key.shape.at(-1)!;
  const [forget, learn, keep] = [0, 1, 2].map((column) => {
    let sum = offset[kvHead * 3 + column]!;
    for (let x = 0; x < width; x++) sum += key.data[row * width + x]! * matrix[(kvHead * width + x) * 3 + column]!;
    return sigmoid(sum);
  }) as [number, number, number];
  return { forget: forgetting ? forget : 0, learn: rate * learn, keep: momentum ? keep : 0 };
}

export type MemoryOrder = MemoryParameters & {
  /** Persistent positions in front of the sequence: chunks are counted from the first position after them. */
  readonly before?: number;
};

/** Whether a chunk begins at `position` of a sequence behind `before` persistent positions. */
const beginsChunk = (position: number, { chunk, before = 0 }: MemoryOrder): boolean =>
  (position - before) % chunk === 0;

/** The memory that key/value head `kvHead` begins with. */
export function initialMemory(
  { weights }: Pick<AttentionInputs, 'weights'>,
  shape: AttentionShape,
  parameters: MemoryParameters,
  kvHead: number,
): Memory {
  const initial = memoryLayers(shape, parameters).map(({ name, rows, columns }) => {
    const size = rows * columns;
    return tensor([rows, columns], weights[name]!.data.slice(kvHead * size, (kvHead + 1) * size));
  });
  return { memory: initial, surprise: initial.map((layer) => zeros(layer.shape)), start: initial };
}

/** Runs over the keys of one key/value head; `visit` sees the memory after each position. */
export function runMemory(
  inputs: AttentionInputs,
  shape: AttentionShape,
  order: MemoryOrder,
  head: number,
  visit: (position: number, memory: Memory) => void,
): Memory {
  const { kvHeads, keys, headDim, valueDim } = shape;
  let state = initialMemory(inputs, shape, order, head % kvHeads);
  for (let j = 0; j < keys; j++) {
    if (beginsChunk(j, order)) state = { ...state, start: state.memory };
    const row = head * keys + j;
    const value = inputs.value.data.slice(row * valueDim, (row + 1) * valueDim);
    const key = unit(inputs.key.data, row * headDim, headDim);
    state = learnOne(state, key, value, gatesOf(inputs, row, head % kvHeads, order));
    visit(j, state);
  }
  return state;
}

/** y_t = M(q_t; Phi_t), read after the write, [b, h, n, dv]. */
export function memoryReference(inputs: AttentionInputs, shape: AttentionShape, order: MemoryOrder): Tensor {
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const group = heads / kvHeads;
  const output = zeros([batch, heads, queries, valueDim]);
  for (let head = 0; head < batch * kvHeads; head++) {
    runMemory(inputs, shape, order, head, (position, { memory }) => {
      const i = position - (keys - queries);
      if (i < 0) return;
      for (let g = 0; g < group; g++) {
        const row = (head * group + g) * queries + i;
        output.data.set(answerOf(memory, unit(inputs.query.data, row * headDim, headDim)), row * valueDim);
      }
    });
  }
  return output;
}

/** The states of all heads after all keys, as decoding carries them. */
export const memoryStates = (
  inputs: AttentionInputs,
  shape: AttentionShape,
  order: MemoryOrder,
): Readonly<Record<string, Tensor>> =>
  packStates(shape, order, (head) => runMemory(inputs, shape, order, head, () => undefined));

export function packStates(
  shape: AttentionShape,
  parameters: MemoryParameters,
  stateOf: (head: number) => Memory,
): Readonly<Record<string, Tensor>> {
  const memories = Array.from({ length: shape.batch * shape.kvHeads }, (_, head) => stateOf(head));
  const packed = memoryStateTensors(shape, parameters).map(({ name, part, layer, shape: dims }) => {
    const heads = memories.map((memory) => memory[part][layer]!);
    return [name, packLayers(dims, heads)] as const;
  });
  return Object.fromEntries(packed);
}

/** One layer of all heads, [b, hkv, rows, columns]. */
export function packLayers(shape: readonly number[], layers: readonly Tensor[]): Tensor {
  const packed = zeros(shape);
  layers.forEach(({ data }, head) => {
    packed.data.set(data, head * data.length);
  });
  return packed;
}
