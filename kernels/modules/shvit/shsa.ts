/**
 * Single-head self-attention over the first channels of a feature map (SHViT). With X [b, C, H, W], n = H W, p of C channels and
 * queries and keys of width d:
 *
 *   [q; k; v] = BN(W_qkv N(X[:p])), N a group norm of one group; A = softmax(q^T k / sqrt(d)); y_i = sum_j A_ij v_j;
 *   output = BN(W_o relu([y; X[p:]])).
 */
import type { Module, ModuleCall, ModuleWeight, Tensors } from '../../module';
import { fusedMatmul } from '../../graph/operators/matrix';
import { concat, reshape, split } from '../../graph/operators/layout';
import { rectify } from '../../graph/operators/elementwise';
import { softmax as softmaxOf } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { ModuleGraph } from '../../module';
import { discs } from '../../module-parts/draw';
import { groupNormalization } from '../../module-parts/graph';
import { attention, groupNorm, joined, relu, reshaped, sliced, turned } from '../../module-parts/layers';
import { headsFor } from '../../module-parts/plain-attention';
import { normWeights, parameterCount, weightOf } from '../../module-parts/weights';
import { normalTensor } from '../../tensors/random';
import type { Tensor } from '../../tensors/tensor';
import { buildPair, foldPair, pairReference, pairWeights } from './parts';
import { attentionPictures } from './pictures';
import * as field from '../../parameters';

export interface ShsaSize {
  readonly channels: number;
  readonly partial: number;
  readonly qkDim: number;
}

export interface ShsaParameters extends ShsaSize, Record<string, number> {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
}

const normEpsilon = 1e-5;

export const shsaWeights = ({ channels, partial, qkDim }: ShsaSize): readonly ModuleWeight[] => [
  ...normWeights('pre_norm', partial),
  ...pairWeights('qkv', 2 * qkDim + partial, partial),
  ...pairWeights('proj.1', channels, channels),
];

/** q, k [b, 1, n, d] and v [b, 1, n, p]. */
function projected(x: Tensor, weights: Tensors, { partial, qkDim }: ShsaSize) {
  const [batch, , height, width] = x.shape as [number, number, number, number];
  const normal = groupNorm(
    sliced(x, 1, 0, partial),
    1,
    weightOf(weights, 'pre_norm.weight'),
    weightOf(weights, 'pre_norm.bias'),
    normEpsilon,
  );
  const qkv = pairReference(normal, weights, 'qkv');
  const part = (from: number, to: number): Tensor =>
    turned(reshaped(sliced(qkv, 1, from, to), [batch, 1, to - from, height * width]));
  return { q: part(0, qkDim), k: part(qkDim, 2 * qkDim), v: part(2 * qkDim, 2 * qkDim + partial) };
}

/** A [b, 1, n, n] and what stands before the projection, relu([y; X[p:]]) [b, C, H, W]. */
export function shsaInside(
  x: Tensor,
  weights: Tensors,
  size: ShsaSize,
): { readonly weights: Tensor; readonly before: Tensor } {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const { q, k, v } = projected(x, weights, size);
  const read = attention(q, k, v, 1 / Math.sqrt(size.qkDim));
  const attended = reshaped(turned(read.output), [batch, size.partial, height, width]);
  const before = relu(joined([attended, sliced(x, 1, size.partial, channels)], 1));
  return { weights: read.weights, before };
}

export const shsaReference = (x: Tensor, weights: Tensors, size: ShsaSize): Tensor =>
  pairReference(shsaInside(x, weights, size).before, weights, 'proj.1');

export const shsaFold = (weights: Tensors): Tensors => ({
  'pre_norm.weight': weightOf(weights, 'pre_norm.weight'),
  'pre_norm.bias': weightOf(weights, 'pre_norm.bias'),
  ...foldPair(weights, 'qkv'),
  ...foldPair(weights, 'proj.1'),
});

export function shsaGraph(graph: ModuleGraph, x: Value, { partial, qkDim }: ShsaSize): Value {
  const [batch, channels, height, width] = x.shape.map(Number) as [number, number, number, number];
  const n = height * width;
  const [first, ...rest] = partial === channels ? [x] : split(x, 1, [partial, channels - partial]);
  const normal = groupNormalization(
    graph,
    first!,
    1,
    graph.weight('pre_norm.weight'),
    graph.weight('pre_norm.bias'),
    normEpsilon,
  );
  const qkv = reshape(buildPair(graph, normal, 'qkv'), [batch, 2 * qkDim + partial, n]);
  const [q, k, v] = split(qkv, 1, [qkDim, qkDim, partial]) as [Value, Value, Value];
  const map = softmaxOf(fusedMatmul(q, k, { transposeA: true, scale: 1 / Math.sqrt(qkDim) }));
  const attended = reshape(fusedMatmul(v, map, { transposeB: true }), [batch, partial, height, width]);
  return buildPair(graph, rectify(concat([attended, ...rest], 1)), 'proj.1');
}

/** Multiply-adds for one sample over n pixels: n p (2 d + p) + n^2 (d + p) + n C^2. */
export const shsaMultiplyAdds = (n: number, { channels: c, partial: p, qkDim: d }: ShsaSize): number =>
  n * p * (2 * d + p) + n * n * (d + p) + n * c * c;

export const shsa: Module<ShsaParameters> = {
  id: 'shsa',
  title: 'Single-head self-attention (SHViT)',
  kind: 'attention',
  summary:
    'One attention head over the first channels of a feature map; the other channels pass untouched to the projection. It saves the copies and the redundant maps of many heads: most where memory, not arithmetic, is the limit.',
  source: {
    reference: 'arXiv:2401.16456, section 3.2; model/shvit.py of github.com/ysj9909/SHViT',
    trust: 'high',
    note: 'The norm before the queries is a group norm of one group, over channels and pixels, as in the code; the paper says layer norm.',
  },
  parameters: {
    channels: field.integer('Channels', 'C of the feature map: 224 in the second stage of SHViT-S1.', {
      min: 1,
      max: 1024,
      default: 224,
    }),
    partial: field.integer(
      'Attended channels',
      'The first p channels attend; the rest pass. 48 in the second stage of SHViT-S1.',
      { min: 1, max: 1024, default: 48 },
    ),
    qkDim: field.integer('Query width', 'Width of queries and keys; 16 in every variant.', {
      min: 1,
      max: 128,
      default: 16,
    }),
    height: field.integer('Height', 'Rows of pixels.', { min: 1, max: 128, default: 14 }),
    width: field.integer('Width', 'Columns of pixels.', { min: 1, max: 128, default: 14 }),
    batch: field.integer('Batch', 'Feature maps in a call.', { min: 1, max: 64, default: 1 }),
  },
  refuse: ({ channels, partial }) =>
    partial > channels ? `There are ${channels} channels, so at most ${channels} can attend.` : undefined,
  inputs: ({ batch, channels, height, width }) => [
    {
      name: 'x',
      kind: 'feature-map',
      title: 'Feature map',
      description: '[batch, channels, height, width]',
      shape: [batch, channels, height, width],
    },
  ],
  outputs: ({ batch, channels, height, width }) => [
    {
      name: 'output',
      title: 'Mixed feature map',
      description: '[batch, channels, height, width], before the residual is added',
      shape: [batch, channels, height, width],
    },
  ],
  weights: shsaWeights,
  parametersOf(shapeOf) {
    const [qkv, projection] = [shapeOf('qkv.c.weight'), shapeOf('proj.1.c.weight')];
    if (!qkv || !projection) return {};
    return { channels: projection[0]!, partial: qkv[1]!, qkDim: (qkv[0]! - qkv[1]!) / 2 };
  },
  fold: shsaFold,
  reference: ({ inputs, weights }, parameters) => ({
    output: shsaReference(inputs['x']!, weights, parameters),
  }),
  build: (graph, parameters) => ({ output: shsaGraph(graph, graph.input('x'), parameters) }),
  cost(parameters) {
    const { batch, channels: c, partial: p, qkDim: d, height, width } = parameters;
    const n = height * width;
    const count = parameterCount(shsaWeights(parameters));
    const multiplyAdds = batch * shsaMultiplyAdds(n, parameters);
    return {
      multiplyAdds,
      // Five operations on a score, eight on a number of the norm, one on a number that is rectified.
      flops: 2 * multiplyAdds + batch * (5 * n * n + 8 * n * p + n * c),
      // Scores in four passes; channels cut, normed in four passes, projected, joined, rectified, projected.
      bytes: 4 * (count + batch * (4 * n * n + n * (2 * c + 8 * p + 2 * (2 * d + p) + 2 * c + 2 * c + 2 * c))),
      parameters: count,
    };
  },
  depth: () => 3,
  growth: {
    of: 'pixels',
    sizes: [48, 64, 80].map((side) => ({ channels: 128, partial: 32, height: side, width: side })),
    size: ({ height, width }) => height * width,
    exponent: 2,
  },
  plain: ({ batch, channels, height, width }) => ({
    batch,
    queries: height * width,
    keys: height * width,
    width: channels,
    heads: headsFor(channels),
  }),
  limits: [
    {
      name: 'queries 0: every pixel gets the mean value',
      parameters: { channels: 12, partial: 5, height: 3, width: 4 },
      call: ({ inputs, weights }, { qkDim }) => ({ inputs, weights: withoutQueries(weights, qkDim) }),
      equals(call: ModuleCall, parameters) {
        const { inputs, weights } = call;
        const { v } = projected(inputs['x']!, weights, parameters);
        const [batch, , n, p] = v.shape as [number, number, number, number];
        const [, channels, height, width] = inputs['x']!.shape as [number, number, number, number];
        const means = new Float64Array(batch * p * n);
        for (let b = 0; b < batch; b++) {
          for (let c = 0; c < p; c++) {
            let total = 0;
            for (let i = 0; i < n; i++) total += v.data[(b * n + i) * p + c]!;
            means.fill(total / n, (b * p + c) * n, (b * p + c + 1) * n);
          }
        }
        const attended = { shape: [batch, p, height, width], data: means };
        const before = relu(joined([attended, sliced(inputs['x']!, 1, p, channels)], 1));
        return { output: pairReference(before, weights, 'proj.1') };
      },
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal numbers: no structure to attend to.',
      draw: ({ batch, channels, height, width }, seed) => ({
        x: normalTensor([batch, channels, height, width], seed),
      }),
    },
    {
      id: 'discs',
      title: 'Discs on a ground',
      description: 'Three discs, each with features of its own, on a smooth ground: pixels of a disc read alike.',
      draw: ({ batch, channels, height, width }, seed) => ({ x: discs([batch, channels, height, width], seed) }),
    },
  ],
  pictures: ({ inputs, weights }, _outputs, parameters) => {
    const inside = shsaInside(inputs['x']!, weights, parameters);
    return attentionPictures(inside.weights, inside.before, parameters);
  },
};

/** The rows of queries of the first layer, its gains and offsets, are 0. */
function withoutQueries(weights: Tensors, qkDim: number): Tensors {
  const cleared = (name: string, per: (rows: number) => number): Tensors => {
    const { shape, data } = weightOf(weights, name);
    const upTo = per(qkDim);
    return { [name]: { shape, data: data.map((value, at) => (at < upTo ? 0 : value)) } };
  };
  return { ...weights, ...cleared('qkv.bn.weight', (rows) => rows), ...cleared('qkv.bn.bias', (rows) => rows) };
}
