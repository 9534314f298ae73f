/** Attention by spans in float64, straight from the definitions. */
import { softmaxRows } from '../../reference/softmax';
import { queryOffset, type AttentionShape } from '../../shape';
import type { AttentionInputs, Tensor } from '../../tensors/tensor';
import { droppedKeys, spanReads, type HeadSpans } from './spans';

/**
 * Rows of attention in which head h reads by its span. A compensated head adds one key for each query:
 *   k^ = mean of the keys dropped (after rotation), v^ = mean of their values, N how many they are,
 *   o = (N e^(q.k^) v^ + sum over kept keys e^(q.k) v) / (N e^(q.k^) + sum over kept keys e^(q.k)), q.k including 1 / sqrt(d)
 * (RazorAttention, arXiv:2407.15891, section 3.3).
 */
export function spanRows(
  inputs: AttentionInputs,
  shape: AttentionShape,
  spans: HeadSpans,
  rows: readonly number[],
): Tensor {
  const output = softmaxRows(inputs, shape, rows, { reads: spanReads(shape, spans) });
  const { batch, heads, kvHeads, headDim, valueDim } = shape;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kvHead = Math.floor(h / (heads / kvHeads));
      if (!spans[kvHead]!.compensated) continue;
      rows.forEach((query, r) => {
        const row = compensatedRow(inputs, shape, spans, { batch: b, head: h, kvHead, query });
        if (row) output.data.set(row, ((b * heads + h) * rows.length + r) * valueDim);
      });
    }
  }
  return output;

  /** Undefined where nothing was dropped: the plain row stands. */
  function compensatedRow(
    { query: q, key: k, value: v }: AttentionInputs,
    { keys, queries }: AttentionShape,
    all: HeadSpans,
    at: { readonly batch: number; readonly head: number; readonly kvHead: number; readonly query: number },
  ): Float64Array | undefined {
    const span = all[at.kvHead]!;
    const position = at.query + queryOffset(shape);
    const count = position < 0 ? 0 : droppedKeys(span, position);
    if (count === 0) return undefined;
    const queryRow = q.data
      .subarray(((at.batch * heads + at.head) * queries + at.query) * headDim)
      .subarray(0, headDim);
    const rowOf = (x: Tensor, width: number, key: number) =>
      x.data.subarray(((at.batch * kvHeads + at.kvHead) * keys + key) * width).subarray(0, width);
    const meanOf = (x: Tensor, width: number): Float64Array => {
      const mean = new Float64Array(width);
      for (let key = span.sinks; key < span.sinks + count; key++) {
        rowOf(x, width, key).forEach((number, i) => (mean[i]! += number / count));
      }
      return mean;
    };
    const score = (key: Float64Array) =>
      key.reduce((dot, number, i) => dot + number * queryRow[i]!, 0) / Math.sqrt(headDim);
    const kept: { readonly score: number; readonly value: Float64Array; readonly times: number }[] = [
      { score: score(meanOf(k, headDim)), value: meanOf(v, valueDim), times: count },
    ];
    const reads = spanReads(shape, all);
    for (let key = 0; key < keys; key++) {
      if (reads(at.head, at.query, key)) {
        kept.push({ score: score(rowOf(k, headDim, key)), value: rowOf(v, valueDim, key), times: 1 });
      }
    }
    const highest = kept.reduce((most, each) => Math.max(most, each.score), -Infinity);
    const row = new Float64Array(valueDim);
    let total = 0;
    for (const { score: s, value, times } of kept) {
      const weight = times * Math.exp(s - highest);
      total += weight;
      value.forEach((number, i) => (row[i]! += weight * number));
    }
    return row.map((number) => number / total);
  }
}
