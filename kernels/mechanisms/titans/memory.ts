/** The neural memory of Titans with one layer, in float64 (arXiv:2501.00663, section 3). */
import type { AttentionInputs } from '../../mechanism';
import type { AttentionShape } from '../../shape';
import { zeros, type Tensor } from '../../tensors/tensor';

/** Under the root of the norm that brings queries and keys to length 1. */
export const normEpsilon = 1e-6;

/** Numbers of one position: how much is forgotten, learned from it, and kept of the earlier surprise. */
export interface Gates {
  readonly forget: number;
  readonly learn: number;
  readonly keep: number;
}

export interface Memory {
  /** Phi [d, dv], S [d, dv] and Phi at the start of the chunk, row-major. */
  readonly memory: Float64Array;
  readonly surprise: Float64Array;
  readonly start: Float64Array;
}

/** SiLU, then length 1. */
export function unit(x: Float64Array, from: number, width: number): Float64Array {
  const row = x.slice(from, from + width).map((each) => each / (1 + Math.exp(-each)));
  const length = Math.sqrt(row.reduce((sum, each) => sum + each * each, normEpsilon));
  return row.map((each) => each / length);
}

/**
 * One position: S <- keep S - learn grad, Phi <- (1 - forget) Phi + S, grad = k^T (k Phi~ - v), the gradient of half the
 * squared error at Phi~, the memory at the start of the chunk.
 */
export function learnOne(
  { memory, surprise, start }: Memory,
  key: Float64Array,
  value: Float64Array,
  gates: Gates,
): Memory {
  const width = value.length;
  const error = value.map((v, y) => key.reduce((sum, k, x) => sum + k * start[x * width + y]!, 0) - v);
  const nextSurprise = surprise.map(
    (s, at) => gates.keep * s - gates.learn * key[Math.floor(at / width)]! * error[at % width]!,
  );
  return { memory: memory.map((m, at) => (1 - gates.forget) * m + nextSurprise[at]!), surprise: nextSurprise, start };
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** sigmoid(k W + c) of one key row: W [hkv, d, 3] and c [hkv, 1, 3], columns forget, learn, keep. */
export function gatesOf({ key, weights }: AttentionInputs, row: number, kvHead: number, width: number): Gates {
  const [matrix, offset] = [weights['gates']!.data, weights['gates.offset']!.data];
  const [forget, learn, keep] = [0, 1, 2].map((column) => {
    let sum = offset[kvHead * 3 + column]!;
    for (let x = 0; x < width; x++) sum += key.data[row * width + x]! * matrix[(kvHead * width + x) * 3 + column]!;
    return sigmoid(sum);
  }) as [number, number, number];
  return { forget, learn, keep };
}

export interface MemoryOrder {
  /** Positions whose gradients are taken at the same memory. */
  readonly chunk: number;
  /** Persistent positions in front of the sequence: chunks are counted from the first position after them. */
  readonly before?: number;
}

/** Whether a chunk begins at `position` of a sequence behind `before` persistent positions. */
const beginsChunk = (position: number, { chunk, before = 0 }: MemoryOrder): boolean =>
  (position - before) % chunk === 0;

/** The memory that key/value head `kvHead` begins with. */
export function initialMemory(
  { weights }: Pick<AttentionInputs, 'weights'>,
  { headDim, valueDim }: Pick<AttentionShape, 'headDim' | 'valueDim'>,
  kvHead: number,
): Memory {
  const size = headDim * valueDim;
  const initial = weights['memory']!.data.slice(kvHead * size, (kvHead + 1) * size);
  return { memory: initial, surprise: new Float64Array(size), start: initial };
}

/** q Phi, with Phi [d, dv] row-major. */
export function readMemory(memory: Float64Array, query: Float64Array, valueDim: number): Float64Array {
  const read = new Float64Array(valueDim);
  query.forEach((q, x) => {
    for (let y = 0; y < valueDim; y++) read[y]! += q * memory[x * valueDim + y]!;
  });
  return read;
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
  let state = initialMemory(inputs, shape, head % kvHeads);
  for (let j = 0; j < keys; j++) {
    if (beginsChunk(j, order)) state = { ...state, start: state.memory };
    const row = head * keys + j;
    const value = inputs.value.data.slice(row * valueDim, (row + 1) * valueDim);
    state = learnOne(
      state,
      unit(inputs.key.data, row * headDim, headDim),
      value,
      gatesOf(inputs, row, head % kvHeads, headDim),
    );
    visit(j, state);
  }
  return state;
}

/** y_t = q_t Phi_t, read after the write, [b, h, n, dv]. */
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
        output.data.set(readMemory(memory, unit(inputs.query.data, row * headDim, headDim), valueDim), row * valueDim);
      }
    });
  }
  return output;
}

/** The states of all heads after all keys, as decoding carries them. */
export function memoryStates(
  inputs: AttentionInputs,
  shape: AttentionShape,
  order: MemoryOrder,
): Readonly<Record<MemoryStateName, Tensor>> {
  return packStates(shape, (head) => runMemory(inputs, shape, order, head, () => undefined));
}

export type MemoryStateName = 'state.memory' | 'state.surprise' | 'state.start';

export function packStates(
  { batch, kvHeads, headDim, valueDim }: AttentionShape,
  stateOf: (head: number) => Memory,
): Readonly<Record<MemoryStateName, Tensor>> {
  const empty = () => zeros([batch, kvHeads, headDim, valueDim]);
  const packed = { 'state.memory': empty(), 'state.surprise': empty(), 'state.start': empty() };
  for (let head = 0; head < batch * kvHeads; head++) {
    const { memory, surprise, start } = stateOf(head);
    const at = head * headDim * valueDim;
    packed['state.memory'].data.set(memory, at);
    packed['state.surprise'].data.set(surprise, at);
    packed['state.start'].data.set(start, at);
  }
  return packed;
}
