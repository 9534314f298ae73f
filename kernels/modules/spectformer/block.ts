/**
 * The blocks of the vanilla SpectFormer over tokens x [b, n, C] of a grid. A spectral block has one residual around all of it,
 * x + MLP(LN2(SGN(LN1(x)))); an attention block two, x + MHSA(LN1(x)), then x + MLP(LN2(x)). MLP: C to 4 C, GELU, back. Epsilon 1e-6.
 */
import { add, gelu as geluOf } from '../../graph/operators/elementwise';
import { reshape, split, transpose } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { layerNormalization } from '../../graph/operators/normalize';
import { softmax as softmaxOf } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { ModuleGraph, ModuleWeight, Tensors } from '../../module';
import { linearLayer } from '../../module-parts/graph';
import {
  attention,
  gelu,
  joinHeads,
  layerNorm,
  linear,
  reshaped,
  sliced,
  splitHeads,
  sum,
} from '../../module-parts/layers';
import { behind, linearWeights, normWeights, weightOf } from '../../module-parts/weights';
import type { Tensor } from '../../tensors/tensor';
import { spectralGateGraph } from './graph';
import { gateWeights, gateMultiplyAdds } from './spectral-gate';
import { spectralGate } from './transform';

export interface BlockSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Heads of an attention block. */
  readonly heads: number;
}

export const epsilon = 1e-6;
const widening = 4;

export const blockWeights = (kind: string, size: BlockSize): readonly ModuleWeight[] => {
  const { channels: c } = size;
  return [
    ...normWeights('norm1', c),
    ...(kind === 'spectral'
      ? behind('filter.', gateWeights(size))
      : [...linearWeights('attn.qkv', 3 * c, c), ...linearWeights('attn.proj', c, c)]),
    ...normWeights('norm2', c),
    ...linearWeights('mlp.fc1', widening * c, c),
    ...linearWeights('mlp.fc2', c, widening * c),
  ];
};

const norm = (x: Tensor, weights: Tensors, name: string): Tensor =>
  layerNorm(x, weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`), epsilon);

const layer = (x: Tensor, weights: Tensors, name: string): Tensor =>
  linear(x, weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`));

const perceptron = (x: Tensor, weights: Tensors): Tensor =>
  layer(gelu(layer(x, weights, 'mlp.fc1')), weights, 'mlp.fc2');

/** The map of every head [b, h, n, n], and the mixed tokens. */
export function selfAttention(x: Tensor, weights: Tensors, heads: number) {
  const c = x.shape[2]!;
  const qkv = layer(x, weights, 'attn.qkv');
  const part = (at: number): Tensor => splitHeads(sliced(qkv, 2, at * c, (at + 1) * c), heads);
  const { output, weights: map } = attention(part(0), part(1), part(2), 1 / Math.sqrt(c / heads));
  return { map, output: layer(joinHeads(output), weights, 'attn.proj') };
}

export function blockReference(x: Tensor, weights: Tensors, kind: string, size: BlockSize): Tensor {
  const { height, width, channels, heads } = size;
  const normal = norm(x, weights, 'norm1');
  if (kind === 'spectral') {
    const grid = reshaped(normal, [x.shape[0]!, height, width, channels]);
    const mixed = reshaped(spectralGate(grid, weightOf(weights, 'filter.complex_weight')), x.shape);
    return sum(x, perceptron(norm(mixed, weights, 'norm2'), weights));
  }
  const read = sum(x, selfAttention(normal, weights, heads).output);
  return sum(read, perceptron(norm(read, weights, 'norm2'), weights));
}

export function blockGraph(graph: ModuleGraph, x: Value, kind: string, size: BlockSize): Value {
  const { height, width, channels, heads } = size;
  const batch = Number(x.shape[0]);
  const normalised = (of: Value, name: string): Value =>
    layerNormalization(of, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`), epsilon);
  const dense = (of: Value, name: string): Value =>
    linearLayer(of, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`));
  const perceive = (of: Value): Value => dense(geluOf(dense(normalised(of, 'norm2'), 'mlp.fc1'), 'none'), 'mlp.fc2');
  const normal = normalised(x, 'norm1');
  if (kind === 'spectral') {
    const grid = reshape(normal, [batch, height, width, channels]);
    const mixed = spectralGateGraph(grid, graph.weight('filter.complex_weight'), 'products');
    return add(x, perceive(reshape(mixed, x.shape)));
  }
  const read = add(x, dense(multiHead(dense(normal, 'attn.qkv'), channels, heads), 'attn.proj'));
  return add(read, perceive(read));
}

function multiHead(qkv: Value, channels: number, heads: number): Value {
  const [batch, n] = qkv.shape.map(Number) as [number, number];
  const depth = channels / heads;
  const [query, key, value] = split(qkv, 2, [channels, channels, channels]).map((part) =>
    transpose(reshape(part, [batch, n, heads, depth]), [0, 2, 1, 3]),
  ) as [Value, Value, Value];
  const map = softmaxOf(fusedMatmul(query, key, { transposeB: true, scale: 1 / Math.sqrt(depth) }));
  return reshape(transpose(matmul(map, value), [0, 2, 1, 3]), [batch, n, channels]);
}

/** Multiply-adds for one sample: the mixer and 8 n C^2 of the MLP. */
export function blockMultiplyAdds(kind: string, size: BlockSize): number {
  const { height, width, channels: c } = size;
  const n = height * width;
  const mixer = kind === 'spectral' ? gateMultiplyAdds(size) : 4 * n * c * c + 2 * n * n * c;
  return mixer + 2 * widening * n * c * c;
}

/** Operations beside the products: scores or gates, norms, GELU, sums. */
export function blockOthers(kind: string, { height, width, channels, heads }: BlockSize): number {
  const n = height * width;
  const mixer = kind === 'spectral' ? 3 * n * channels : 5 * heads * n * n;
  return mixer + n * channels * (2 * 8 + widening + 2);
}
