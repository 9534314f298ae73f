/** The distributed algorithm in float64: partial attention of every worker and step, joined by the log-sums. */
import { mergePartials, type PartialAttention } from '../../reference/merge';
import { isCausalSelf, queryOffset, type AttentionShape } from '../../shape';
import { zeros, type Tensor } from '../../tensors/tensor';
import { passedNumbers, shardsOf, stepsOf, type Grid, type Range } from './partition';
import type { AttentionInputs } from '../../tensors/tensor';

/** What query `row` of head `head` gets from the keys of `ranges`: softmax-weighted values and the log-sum of its scores. */
export function partialRow(
  inputs: AttentionInputs,
  shape: AttentionShape,
  place: { readonly batch: number; readonly head: number; readonly row: number },
  ranges: readonly Range[],
): PartialAttention {
  const { heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const { batch, head, row } = place;
  const [q, k, v] = [inputs.query.data, inputs.key.data, inputs.value.data];
  const kvHead = batch * kvHeads + Math.floor(head / (heads / kvHeads));
  const from = ((batch * heads + head) * queries + row) * headDim;
  const last = isCausalSelf(shape) ? row + queryOffset(shape) : keys - 1;
  const scale = 1 / Math.sqrt(headDim);
  const read: number[] = [];
  const scores: number[] = [];
  for (const { start, end } of ranges) {
    for (let key = start; key < end && key <= last; key++) {
      const at = (kvHead * keys + key) * headDim;
      let dot = 0;
      for (let x = 0; x < headDim; x++) dot += q[from + x]! * k[at + x]!;
      read.push(key);
      scores.push(dot * scale);
    }
  }
  const output = new Float64Array(valueDim);
  if (read.length === 0) return { output, logSum: -Infinity };
  const highest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  let total = 0;
  read.forEach((key, index) => {
    const weight = Math.exp(scores[index]! - highest);
    total += weight;
    const at = (kvHead * keys + key) * valueDim;
    for (let x = 0; x < valueDim; x++) output[x]! += weight * v[at + x]!;
  });
  for (let x = 0; x < valueDim; x++) output[x]! /= total;
  return { output, logSum: highest + Math.log(total) };
}

/** Numbers that each worker passed on or collected, by worker. */
export type Passed = readonly number[];

/**
 * The whole call as the grid computes it: [b, h, n, dv], every row joined in the order in which its worker meets the keys.
 * `observe` is called with what each worker passes.
 */
export function distributedReference(
  inputs: AttentionInputs,
  shape: AttentionShape,
  grid: Grid,
  observe: (passed: Passed) => void = () => {},
): Tensor {
  const { batch, heads, queries, valueDim } = shape;
  const output = zeros([batch, heads, queries, valueDim]);
  const blind = isCausalSelf(shape) ? Math.max(0, queries - shape.keys) : 0;
  const seeing = { ...shape, queries: queries - blind };
  const shards = shardsOf(seeing, grid);
  for (const shard of shards) {
    const steps = stepsOf(shards, shard, grid);
    for (let b = 0; b < batch; b++) {
      for (let head = shard.heads.start; head < shard.heads.end; head++) {
        for (const { start, end } of shard.rows) {
          for (let row = start + blind; row < end + blind; row++) {
            let joined: PartialAttention = { output: new Float64Array(valueDim), logSum: -Infinity };
            for (const { keys } of steps) {
              joined = joinPartials(joined, partialRow(inputs, shape, { batch: b, head, row }, keys));
            }
            output.data.set(joined.output, ((b * heads + head) * queries + row) * valueDim);
          }
        }
      }
    }
  }
  observe(shards.map((shard) => passedNumbers(seeing, shards, shard, grid)));
  return output;
}

/** Two parts as one, which can be joined to further ones: l = m + log(e^(l1 - m) + e^(l2 - m)), m the larger log-sum. */
export function joinPartials(a: PartialAttention, b: PartialAttention): PartialAttention {
  if (a.logSum === -Infinity) return b;
  if (b.logSum === -Infinity) return a;
  const highest = Math.max(a.logSum, b.logSum);
  return {
    output: mergePartials([a, b], a.output.length),
    logSum: highest + Math.log(Math.exp(a.logSum - highest) + Math.exp(b.logSum - highest)),
  };
}
