/** What the heads of a layer write into the residual stream, one by one. */
import type { LayerWeights } from '../../model-runner/weights';
import { frozen, scaleOf } from './norms';

export interface HeadWrites {
  /** By head, [w]: its output through the output projection and what is behind it, without any bias. */
  readonly heads: readonly Float64Array[];
  /** [w]: biases of the projection and of a norm behind it, which belong to no head. */
  readonly bias: Float64Array;
}

/**
 * `outputs` [h d] at one position, gains included. The sum of all parts is what attention adds to the stream there; a norm behind
 * the projection (Gemma 2) is frozen at the scale that it has for the whole.
 */
export function headWrites(
  { output, attentionNorms }: Pick<LayerWeights, 'output' | 'attentionNorms'>,
  outputs: Float32Array,
  headDim: number,
): HeadWrites {
  const { data, rows: width, columns } = output;
  const byHead = Array.from({ length: columns / headDim }, () => new Float64Array(width));
  for (let i = 0; i < width; i++) {
    byHead.forEach((own, head) => {
      let sum = 0;
      for (let at = head * headDim; at < (head + 1) * headDim; at++) {
        sum += (data[i * columns + at] ?? 0) * (outputs[at] ?? 0);
      }
      own[i] = sum;
    });
  }
  const bias = Float64Array.from(output.bias ?? new Float32Array(width));
  const { output: norm, gain } = attentionNorms;
  const whole = bias.slice();
  for (const part of byHead) part.forEach((value, i) => (whole[i] = (whole[i] ?? 0) + value));
  const scale = norm ? scaleOf(norm, whole) : 1;
  const behind = (part: Float64Array, shift?: Float32Array): Float64Array =>
    frozen(norm, part, scale).map((value, i) => (value + (shift?.[i] ?? 0)) * (gain?.[i] ?? 1));
  return { heads: byHead.map((part) => behind(part)), bias: behind(bias, norm?.bias) };
}
