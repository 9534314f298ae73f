/** How far what a model gives moves under a change: its predictions where it makes some, else what leaves its last layer. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import { mean } from '../../../kernels/tensors/vectors';

export interface Outputs {
  /** [n, w], what leaves the last layer. */
  readonly stream: Float32Array;
  /** [rows, v] of the last row or of all; absent where the model predicts nothing. */
  readonly logits?: Float32Array;
}

/** The outputs of each variant. */
export async function outputsOf(
  model: ModelRunner,
  sequence: Sequence,
  variants: readonly Variant[],
  rows: 'last' | 'all',
): Promise<readonly Outputs[]> {
  const layer = model.facts.blocks.length - 1;
  const { layers, logits } = await model.run({
    ...sequence,
    variants,
    taps: [{ layer, tap: 'residual' }],
    logits: model.facts.predicts ? rows : 'none',
  });
  const stream = layers[layer]?.taps.residual;
  if (!(stream?.data instanceof Float32Array)) throw new TypeError('the run gave no stream');
  // One for all where all variants agree.
  const part = (data: Float32Array, batch: number, at: number): Float32Array => {
    const size = data.length / batch;
    return data.subarray((batch === 1 ? 0 : at) * size, ((batch === 1 ? 0 : at) + 1) * size);
  };
  const [streams = 1] = stream.shape;
  const data = stream.data;
  const predicted = logits?.data instanceof Float32Array ? logits.data : undefined;
  return variants.map((_, at) => ({
    stream: part(data, streams, at),
    ...(predicted ? { logits: part(predicted, logits?.shape[0] ?? 1, at) } : {}),
  }));
}

/** Kullback-Leibler divergence in nats of the distribution of `after` from that of `before`, both as logits. */
export function divergenceOf(before: ArrayLike<number>, after: ArrayLike<number>): number {
  const [p, q] = [logProbabilities(before), logProbabilities(after)];
  // A sum of differences that are 0 is 0; rounding may leave it a hair below.
  return Math.max(
    0,
    p.reduce((sum, log, at) => sum + Math.exp(log) * (log - (q[at] ?? 0)), 0),
  );
}

export function logProbabilities(logits: ArrayLike<number>): Float64Array {
  const all = Float64Array.from(logits);
  const most = all.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = most + Math.log(all.reduce((sum, value) => sum + Math.exp(value - most), 0));
  return all.map((value) => value - total);
}

/** 1 - cosine of each row of two [n, w]. */
export function turnedBy(before: Float32Array, after: Float32Array, n: number): readonly number[] {
  const width = before.length / n;
  return Array.from({ length: n }, (_, row) => {
    let [dot, a, b] = [0, 0, 0];
    for (let at = row * width; at < (row + 1) * width; at++) {
      const [x, y] = [before[at] ?? 0, after[at] ?? 0];
      dot += x * y;
      a += x * x;
      b += y * y;
    }
    return Math.max(0, 1 - dot / Math.sqrt(a * b));
  });
}

/** Mean over the rows: divergence of predictions in nats, or 1 - cosine of the last stream where nothing is predicted. */
export function changeOf(before: Outputs, after: Outputs, n: number): number {
  const { logits } = before;
  const other = after.logits;
  if (!logits || !other) return mean(turnedBy(before.stream, after.stream, n));
  const width = logits.length / n;
  const row = (data: Float32Array, at: number): Float32Array => data.subarray(at * width, (at + 1) * width);
  return mean(Array.from({ length: n }, (_, at) => divergenceOf(row(logits, at), row(other, at))));
}
