/**
 * Dynamic multi-headed convolutional self-attention (ConvFormer). For z [b, N, C] and kernel sizes k_1 .. k_r, each of Q, K and V is
 *
 *   sum_i eta_i Conv_i(z), eta = softmax(logits), Conv_i(z)[o, t] = b_i[o] + sum_(c, u) w_i[o, c, u] z[c, t - (k_i - 1) / 2 + u],
 *
 * zeros beyond the edges. `spatial`: the channels of the convolutions are the C features and the kernels slide over the N joints;
 * `temporal`: the channels are the N frames and the kernels slide over the C features. Then attention of h heads over the N positions,
 * softmax(Q K^T / sqrt(C / h)) V, without a projection behind it.
 */
import { add, multiply } from '../../graph/operators/elementwise';
import { sameConvolution } from '../../graph/operators/convolution';
import { reshape, slice, transpose } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { softmax as softmaxOf } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { ModuleGraph, ModuleWeight, Tensors } from '../../module';
import { attention, joinHeads, softmax, splitHeads, turned } from '../../module-parts/layers';
import { evenly, weightOf } from '../../module-parts/weights';
import { zeros, type Tensor } from '../../tensors/tensor';

export interface AttentionSize {
  readonly tokens: number;
  readonly channels: number;
  readonly heads: number;
  readonly kernels: readonly number[];
  readonly axis: string;
  /** One kernel for each channel; not in the paper. */
  readonly depthwise: boolean;
}

/** The settings of the paper's ablation, and 1. */
export const kernelSets = ['1', '3', '3,3,3', '7', '7,7', '7,7,7', '9,9,9', '3,5,7'] as const;
export const kernelsOf = (text: string): readonly number[] => text.split(',').map(Number);

export const projections = ['q', 'k', 'v'] as const;

/** Channels of the convolutions, the length that kernels slide over, and channels that one output reads. */
function geometry({ tokens, channels, axis, depthwise }: AttentionSize) {
  const [rows, length] = axis === 'spatial' ? [channels, tokens] : [tokens, channels];
  return { rows, length, inner: depthwise ? 1 : rows };
}

/** eta [3, r]: logits for Q, K and V, 0 at the start of training (the average of the kernels). */
export function attentionWeights(size: AttentionSize): readonly ModuleWeight[] {
  const { rows, inner } = geometry(size);
  return [
    { name: 'eta', shape: [3, size.kernels.length], initial: { kind: 'normal', deviation: 0.5 } },
    ...projections.flatMap((name) =>
      size.kernels.flatMap((kernel, at): readonly ModuleWeight[] => [
        { name: `${name}.${at}.weight`, shape: [rows, inner, kernel], initial: evenly(inner * kernel) },
        { name: `${name}.${at}.bias`, shape: [rows], initial: { kind: 'normal', deviation: 0.1 } },
      ]),
    ),
  ];
}

/** x [b, c, L] under w [o, c / groups, k], zeros beyond the edges. */
function slid(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  const [batch, channels, length] = x.shape as [number, number, number];
  const [outs, inner, kernel] = weight.shape as [number, number, number];
  const first = (o: number): number => (inner === channels ? 0 : o);
  const y = zeros([batch, outs, length]);
  for (let b = 0; b < batch; b++) {
    for (let o = 0; o < outs; o++) {
      const to = (b * outs + o) * length;
      y.data.fill(bias.data[o]!, to, to + length);
      for (let c = 0; c < inner; c++) {
        const from = (b * channels + first(o) + c) * length;
        for (let u = 0; u < kernel; u++) {
          const value = weight.data[(o * inner + c) * kernel + u]!;
          const shift = u - (kernel - 1) / 2;
          for (let t = Math.max(0, -shift); t < length - Math.max(0, shift); t++) {
            y.data[to + t]! += value * x.data[from + t + shift]!;
          }
        }
      }
    }
  }
  return y;
}

/** Shares of the kernels in Q, K and V [3, r]; each row adds up to 1. */
export const shares = (weights: Tensors): Tensor => softmax(weightOf(weights, 'eta'));

function projected(x: Tensor, weights: Tensors, at: number, count: number): Tensor {
  const eta = shares(weights).data;
  const y = zeros(x.shape);
  for (let i = 0; i < count; i++) {
    const name = `${projections[at]!}.${i}`;
    const part = slid(x, weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`));
    part.data.forEach((value, place) => (y.data[place]! += eta[at * count + i]! * value));
  }
  return y;
}

/** The map of every head [b, h, N, N], and the mixed tokens [b, N, C]. */
export function attentionReference(z: Tensor, weights: Tensors, size: AttentionSize) {
  const { heads, kernels, channels, axis } = size;
  const x = axis === 'spatial' ? turned(z) : z;
  const [q, k, v] = projections.map((_, at) => {
    const y = projected(x, weights, at, kernels.length);
    return splitHeads(axis === 'spatial' ? turned(y) : y, heads);
  }) as [Tensor, Tensor, Tensor];
  const read = attention(q, k, v, 1 / Math.sqrt(channels / heads));
  return { map: read.weights, output: joinHeads(read.output) };
}

/**
 * A convolution is linear in its kernel: the r kernels of Q (and of K and V) as one of the largest size, smaller ones with zeros around
 * them. `<name>.weight` and `<name>.bias`.
 */
export function fused(weights: Tensors, size: AttentionSize): Tensors {
  const { rows, inner } = geometry(size);
  const { kernels } = size;
  const most = Math.max(...kernels);
  const eta = shares(weights).data;
  return Object.fromEntries(
    projections.flatMap((name, at) => {
      const [weight, bias] = [zeros([rows, inner, most]), zeros([rows])];
      kernels.forEach((kernel, i) => {
        const share = eta[at * kernels.length + i]!;
        const edge = (most - kernel) / 2;
        weightOf(weights, `${name}.${i}.weight`).data.forEach((value, place) => {
          weight.data[Math.floor(place / kernel) * most + edge + (place % kernel)]! += share * value;
        });
        weightOf(weights, `${name}.${i}.bias`).data.forEach((value, row) => (bias.data[row]! += share * value));
      });
      return [[`${name}.weight`, weight] as const, [`${name}.bias`, bias] as const];
    }),
  );
}

/** `fuse`: the weights are those of `fused`. */
export function attentionGraph(graph: ModuleGraph, z: Value, size: AttentionSize, fuse: boolean): Value {
  const { tokens, channels, heads, kernels, axis, depthwise } = size;
  const batch = Number(z.shape[0]);
  const { rows } = geometry(size);
  const spatial = axis === 'spatial';
  const x = spatial ? transpose(z, [0, 2, 1]) : z;
  const convolved = (name: string): Value =>
    sameConvolution(x, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`), depthwise ? rows : 1);
  const eta = fuse || kernels.length === 1 ? undefined : softmaxOf(graph.weight('eta'));
  const share = (at: number, i: number): Value => reshape(slice(slice(eta!, 0, at, at + 1), 1, i, i + 1), [1]);
  const [q, k, v] = projections.map((name, at) => {
    if (fuse) return convolved(name);
    const parts = kernels.map((_, i) => convolved(`${name}.${i}`));
    return eta ? parts.map((part, i) => multiply(part, share(at, i))).reduce((sum, part) => add(sum, part)) : parts[0]!;
  }) as [Value, Value, Value];
  const depth = channels / heads;
  const scale = 1 / Math.sqrt(depth);
  if (spatial) {
    const [query, key, value] = [q, k, v].map((part) => reshape(part, [batch, heads, depth, tokens])) as [
      Value,
      Value,
      Value,
    ];
    const map = softmaxOf(fusedMatmul(query, key, { transposeA: true, scale }));
    const read = fusedMatmul(map, value, { transposeB: true });
    return reshape(transpose(read, [0, 2, 1, 3]), [batch, tokens, channels]);
  }
  const [query, key, value] = [q, k, v].map((part) =>
    transpose(reshape(part, [batch, tokens, heads, depth]), [0, 2, 1, 3]),
  ) as [Value, Value, Value];
  const map = softmaxOf(fusedMatmul(query, key, { transposeB: true, scale }));
  return reshape(transpose(matmul(map, value), [0, 2, 1, 3]), [batch, tokens, channels]);
}

/** Multiply-adds for one sample: three sets of kernels, and 2 N^2 C of the attention. */
export function attentionMultiplyAdds(size: AttentionSize, fuse: boolean): number {
  const { rows, length, inner } = geometry(size);
  const taps = fuse ? Math.max(...size.kernels) : size.kernels.reduce((sum, kernel) => sum + kernel, 0);
  return 3 * rows * inner * length * taps + 2 * size.tokens ** 2 * size.channels;
}

/** Operations beside the products: five on a score, two on each number of each kernel where they are summed. */
export const attentionOthers = ({ tokens, channels, heads, kernels }: AttentionSize, fuse: boolean): number =>
  5 * heads * tokens * tokens + (fuse || kernels.length === 1 ? 0 : 6 * kernels.length * tokens * channels);

/** Numbers read and written for one sample: scores in four passes, and tokens, kernels and their sums. */
export const attentionTraffic = ({ tokens, channels, heads, kernels }: AttentionSize, fuse: boolean): number =>
  4 * heads * tokens * tokens + tokens * channels * (8 + (fuse ? 3 : 9 * kernels.length));
