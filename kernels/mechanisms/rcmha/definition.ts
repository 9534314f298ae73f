/**
 * Relative convolutional multi-head attention in float64 (arXiv:2308.03429, rcmha/attention.py of the authors' repository).
 *
 * q', k', v' are causal depthwise convolutions of the projected queries, keys and values: y_t[c] = b[c] + sum over u of
 * w[c, u] x_(t - K + 1 + u)[c], zeros in front, one kernel for each channel that all heads share. The score of query i and key j
 * at distance r = pos(i) - j >= 0 is ((q'_i + u_h) . k'_j + q'_i . E[h, P - r] + beta[h, P - r]) / sqrt(d).
 */
import type { Weight } from '../../mechanism';
import { sequenceTensor } from '../../reference/batches';
import { denseDefinition } from '../../reference/pattern';
import { softmaxRows } from '../../reference/softmax';
import { queryOffset, type AttentionShape } from '../../shape';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import type { AttentionInputs } from '../../tensors/tensor';

export interface RcmhaParameters extends Record<string, number | boolean> {
  readonly convolution: boolean;
  readonly relative: boolean;
  readonly kernel: number;
  readonly maxDistance: number;
}

export const convolvedInputs = ['query', 'key', 'value'] as const;
export type Convolved = (typeof convolvedInputs)[number];

/** Kernel [width, 1, K] and bias [width] of one convolution, as torch's Conv1d with `width` groups has them. */
const convolutionWeights = (name: Convolved, width: number, kernel: number): readonly Weight[] => [
  // The standard deviation of torch's first kernel, uniform in +-1 / sqrt(K).
  {
    name: `convolution.${name}.weight`,
    shape: [width, 1, kernel],
    initial: { kind: 'normal', deviation: (3 * kernel) ** -0.5 },
  },
  { name: `convolution.${name}.bias`, shape: [width], initial: { kind: 'normal', deviation: (3 * kernel) ** -0.5 } },
];

/** The published E [2 P, h, d] and beta [2 P, h] with the heads first. */
export const rcmhaWeights = (
  { heads, headDim, valueDim }: AttentionShape,
  { convolution, relative, kernel, maxDistance }: RcmhaParameters,
): readonly Weight[] => [
  ...(convolution
    ? convolvedInputs.flatMap((name) => convolutionWeights(name, name === 'value' ? valueDim : headDim, kernel))
    : []),
  ...(relative
    ? ([
        {
          name: 'position.key',
          shape: [heads, 2 * maxDistance, headDim],
          initial: { kind: 'normal', deviation: 0.5 },
        },
        { name: 'position.bias', shape: [heads, 2 * maxDistance], initial: { kind: 'normal', deviation: 1 } },
        { name: 'query.bias', shape: [heads, headDim], initial: { kind: 'normal', deviation: 0.5 } },
      ] as const)
    : []),
];

/** The row of E and beta for a key `distance` positions back: those beyond P share the row of P. */
export const rowAt = (distance: number, { maxDistance }: RcmhaParameters): number =>
  maxDistance - Math.min(distance, maxDistance);

/** Causal convolution along the positions of [b, h, n, width]; the rows before `first` count as zeros. */
export function convolved(x: Tensor, weight: Tensor, bias: Tensor, first = 0): Tensor {
  const [, , length, width] = x.shape as readonly [number, number, number, number];
  const kernel = weight.shape[2]!;
  const data = new Float64Array(x.data.length);
  for (let at = 0; at < data.length; at++) {
    const channel = at % width;
    const position = Math.floor(at / width) % length;
    let sum = bias.data[channel]!;
    for (let u = 0; u < kernel; u++) {
      const back = kernel - 1 - u;
      if (position - back >= first) sum += weight.data[channel * kernel + u]! * x.data[at - back * width]!;
    }
    data[at] = sum;
  }
  return tensor(x.shape, data);
}

/** Queries, keys and values after their convolutions; queries before the first key are none. */
export function convolvedTensors(
  { query, key, value, weights }: AttentionInputs,
  shape: AttentionShape,
  { convolution }: RcmhaParameters,
): Omit<AttentionInputs, 'weights'> {
  if (!convolution) return { query, key, value };
  const run = (name: Convolved, x: Tensor, first = 0): Tensor =>
    convolved(x, weights[`convolution.${name}.weight`]!, weights[`convolution.${name}.bias`]!, first);
  const blind = shape.pattern === 'causal-self' ? Math.max(0, -queryOffset(shape)) : 0;
  return { query: run('query', query, blind), key: run('key', key), value: run('value', value) };
}

/** The outputs of the queries `rows`, [b, h, rows.length, dv]. */
export function rcmhaRows(
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: RcmhaParameters,
  rows: readonly number[],
): Tensor {
  const { batch, heads, queries, headDim: d, valueDim } = shape;
  const made = convolvedTensors(inputs, shape, parameters);
  if (!parameters.relative) return softmaxRows({ ...made, weights: {} }, shape, rows, denseDefinition(shape));
  const embedding = inputs.weights['position.key']!.data;
  const beta = inputs.weights['position.bias']!.data;
  const shift = inputs.weights['query.bias']!.data;
  const output = zeros([batch, heads, rows.length, valueDim]);
  const size = output.data.length / batch;
  for (let b = 0; b < batch; b++) {
    const query = sequenceTensor(made.query, b);
    const shifted = tensor(
      query.shape,
      query.data.map((x, at) => x + shift[Math.floor(at / (queries * d)) * d + (at % d)]!),
    );
    const own: AttentionInputs = {
      query: shifted,
      key: sequenceTensor(made.key, b),
      value: sequenceTensor(made.value, b),
      weights: {},
    };
    const part = softmaxRows(own, { ...shape, batch: 1 }, rows, {
      ...denseDefinition(shape),
      bias: (head, i, j) => {
        const row = head * 2 * parameters.maxDistance + rowAt(i + queryOffset(shape) - j, parameters);
        let score = beta[row]!;
        for (let c = 0; c < d; c++) score += query.data[(head * queries + i) * d + c]! * embedding[row * d + c]!;
        return score / Math.sqrt(d);
      },
    });
    output.data.set(part.data, b * size);
  }
  return output;
}
