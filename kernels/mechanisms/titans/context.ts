/** Memory as context in float64, position by position (arXiv:2501.00663, section 4.1). */
import type { AttentionShape } from '../../shape';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import { gatedRow } from './gating';
import type { MemoryParameters } from './layers';
import { gatesOf, initialMemory, learnOne, unit, type Memory } from './memory';
import { answerOf, type Network } from './network';
import { projectRow } from './projections';
import type { AttentionInputs } from '../../tensors/tensor';

export interface ContextOrder extends MemoryParameters {
  /** Positions of a segment, in which attention runs. */
  readonly segment: number;
}

export interface ContextRun {
  readonly output: Tensor;
  /** By key/value head, after the last position. */
  readonly memories: readonly Memory[];
  /** Phi at the start of the last position's segment. */
  readonly segments: readonly Network[];
  /** Keys and values of h at all positions, [b, hkv, n, .]. */
  readonly readKey: Tensor;
  readonly readValue: Tensor;
}

/**
 * With Phi' the memory before the segment, for position i of a segment that starts at a:
 *   h_i = M(unit(q_i); Phi');
 *   y_i = attention of q_i over the persistent keys, those projected from h_a .. h_i and k_a .. k_i;
 *   the memory learns the key and value projected from y_i; m_i = M(unit(y_i W); Phi_i); o_i = m_i gating y_i.
 * As many queries as keys.
 */
export function runContext(inputs: AttentionInputs, shape: AttentionShape, order: ContextOrder): ContextRun {
  const { segment, chunk } = order;
  const { batch, heads, kvHeads, keys, headDim, valueDim } = shape;
  const { weights } = inputs;
  const group = heads / kvHeads;
  const of = (name: string): Tensor => weights[name]!;
  const output = zeros([batch, heads, keys, valueDim]);
  const readKey = zeros([batch, kvHeads, keys, headDim]);
  const readValue = zeros([batch, kvHeads, keys, valueDim]);
  const memories: Memory[] = [];
  const segments: Network[] = [];
  const rowOf = (x: Tensor, row: number): Float64Array => {
    const width = x.shape.at(-1)!;
    return x.data.subarray(row * width, (row + 1) * width);
  };
  const persistent = weights['persistent.key']?.shape[1] ?? 0;
  for (let at = 0; at < batch * kvHeads; at++) {
    const kvHead = at % kvHeads;
    let state = initialMemory(inputs, shape, order, kvHead);
    let before = state.memory;
    const first = Array.from({ length: persistent }, (_, j) => ({
      key: rowOf(of('persistent.key'), kvHead * persistent + j),
      value: rowOf(of('persistent.value'), kvHead * persistent + j),
    }));
    let read: { readonly key: Float64Array; readonly value: Float64Array }[] = [];
    for (let i = 0; i < keys; i++) {
      if (i % segment === 0) {
        before = state.memory;
        read = [...first];
      }
      if (i % chunk === 0) state = { ...state, start: state.memory };
      const rows = Array.from({ length: group }, (_, g) => (at * group + g) * keys + i);
      const h = joined(rows.map((row) => answerOf(before, unit(inputs.query.data, row * headDim, headDim))));
      const own = at * keys + i;
      readKey.data.set(projectRow(h, of('context.key'), kvHead), own * headDim);
      readValue.data.set(projectRow(h, of('context.value'), kvHead), own * valueDim);
      read.push(
        { key: rowOf(readKey, own), value: rowOf(readValue, own) },
        { key: rowOf(inputs.key, own), value: rowOf(inputs.value, own) },
      );
      const y = rows.map((row) => attend(rowOf(inputs.query, row), read, valueDim));
      const key = projectRow(joined(y), of('store.key'), kvHead);
      const value = projectRow(joined(y), of('store.value'), kvHead);
      const gates = gatesOf({ ...inputs, key: tensor([1, 1, 1, headDim], key) }, 0, kvHead, order);
      state = learnOne(state, unit(key, 0, headDim), value, gates);
      rows.forEach((row, g) => {
        const head = kvHead * group + g;
        const query = unit(projectRow(y[g]!, of('store.query'), head), 0, headDim);
        output.data.set(gatedRow(answerOf(state.memory, query), y[g]!, inputs, head), row * valueDim);
      });
    }
    memories.push(state);
    segments.push(before);
  }
  return { output, memories, segments, readKey, readValue };
}

function joined(rows: readonly Float64Array[]): Float64Array {
  const width = rows[0]!.length;
  const all = new Float64Array(rows.length * width);
  rows.forEach((row, at) => {
    all.set(row, at * width);
  });
  return all;
}

/** softmax(q . k / sqrt(d)) v over the given keys. */
export function attend(
  query: Float64Array,
  read: readonly { readonly key: Float64Array; readonly value: Float64Array }[],
  valueDim: number,
): Float64Array {
  const scores = read.map(({ key }) => {
    let sum = 0;
    for (let x = 0; x < key.length; x++) sum += query[x]! * key[x]!;
    return sum / Math.sqrt(query.length);
  });
  const highest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  const exponentials = scores.map((score) => Math.exp(score - highest));
  const total = exponentials.reduce((sum, each) => sum + each, 0);
  const output = new Float64Array(valueDim);
  read.forEach(({ value }, j) => {
    const weight = exponentials[j]! / total;
    for (let y = 0; y < valueDim; y++) output[y]! += weight * value[y]!;
  });
  return output;
}
