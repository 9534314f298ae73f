/**
 * The layers of PyTorch's transformer with the norm after each residual, in float64 and as graphs: x = LN(x + MHA(x)), in the decoder
 * LN(x + MHA(x, memory)) next, then LN(x + W_2 relu(W_1 x)). Epsilon 1e-5. `bias` is added to the scores.
 */
import { add, rectify } from '../../graph/operators/elementwise';
import { reshape, split, transpose } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { layerNormalization } from '../../graph/operators/normalize';
import { softmax as softmaxOf } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { ModuleGraph, ModuleWeight, Tensors } from '../../module';
import { inside, linearLayer } from '../../module-parts/graph';
import {
  joinHeads,
  layerNorm,
  linear,
  mapped,
  matrixProduct,
  relu,
  sliced,
  softmax,
  splitHeads,
  sum,
  turned,
} from '../../module-parts/layers';
import { behind, evenly, linearWeights, normWeights, under, weightOf } from '../../module-parts/weights';
import type { Tensor } from '../../tensors/tensor';

export interface LayerSize {
  readonly width: number;
  readonly hidden: number;
  readonly attentionHeads: number;
}

const epsilon = 1e-5;

const mixerWeights = (name: string, width: number): readonly ModuleWeight[] => [
  { name: `${name}.in_proj_weight`, shape: [3 * width, width], initial: evenly(width) },
  { name: `${name}.in_proj_bias`, shape: [3 * width], initial: { kind: 'normal', deviation: 0.1 } },
  ...linearWeights(`${name}.out_proj`, width, width),
];

export const encoderWeights = (prefix: string, { width, hidden }: LayerSize): readonly ModuleWeight[] =>
  behind(prefix, [
    ...mixerWeights('self_attn', width),
    ...linearWeights('linear1', hidden, width),
    ...linearWeights('linear2', width, hidden),
    ...normWeights('norm1', width),
    ...normWeights('norm2', width),
  ]);

export const decoderWeights = (prefix: string, size: LayerSize): readonly ModuleWeight[] => [
  ...encoderWeights(prefix, size),
  ...behind(prefix, [...mixerWeights('multihead_attn', size.width), ...normWeights('norm3', size.width)]),
];

/** A bias by sample, query and key. */
type Bias = (sample: number, query: number, key: number) => number;

function mixed(x: Tensor, read: Tensor, weights: Tensors, name: string, heads: number, bias: Bias): Tensor {
  const [, n, width] = x.shape as [number, number, number];
  const keys = read.shape[1]!;
  const part = (of: Tensor, at: number): Tensor =>
    splitHeads(
      linear(
        of,
        sliced(weightOf(weights, `${name}.in_proj_weight`), 0, at * width, (at + 1) * width),
        sliced(weightOf(weights, `${name}.in_proj_bias`), 0, at * width, (at + 1) * width),
      ),
      heads,
    );
  const scores = mapped(matrixProduct(part(x, 0), turned(part(read, 1))), (score, at) => {
    const sample = Math.floor(at / (heads * n * keys));
    return score / Math.sqrt(width / heads) + bias(sample, Math.floor(at / keys) % n, at % keys);
  });
  const output = joinHeads(matrixProduct(softmax(scores), part(read, 2)));
  return linear(output, weightOf(weights, `${name}.out_proj.weight`), weightOf(weights, `${name}.out_proj.bias`));
}

const norm = (x: Tensor, weights: Tensors, name: string): Tensor =>
  layerNorm(x, weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`), epsilon);

const perceptron = (x: Tensor, weights: Tensors): Tensor => {
  const dense = (of: Tensor, name: string): Tensor =>
    linear(of, weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`));
  return dense(relu(dense(x, 'linear1')), 'linear2');
};

export function encoderLayer(x: Tensor, all: Tensors, prefix: string, heads: number, bias: Bias): Tensor {
  const weights = under(all, prefix);
  const first = norm(sum(x, mixed(x, x, weights, 'self_attn', heads, bias)), weights, 'norm1');
  return norm(sum(first, perceptron(first, weights)), weights, 'norm2');
}

/** Steps read themselves and those before. */
export function decoderLayer(
  x: Tensor,
  memory: Tensor,
  all: Tensors,
  prefix: string,
  heads: number,
  bias: Bias,
): Tensor {
  const weights = under(all, prefix);
  const causal: Bias = (_, query, key) => (key > query ? Number.NEGATIVE_INFINITY : 0);
  const first = norm(sum(x, mixed(x, x, weights, 'self_attn', heads, causal)), weights, 'norm1');
  const second = norm(sum(first, mixed(first, memory, weights, 'multihead_attn', heads, bias)), weights, 'norm2');
  return norm(sum(second, perceptron(second, weights)), weights, 'norm3');
}

/** `bias` broadcasts to [b, heads, n, m]. */
function mixedGraph(graph: ModuleGraph, x: Value, read: Value, name: string, heads: number, bias: Value): Value {
  const [batch, n, width] = x.shape.map(Number) as [number, number, number];
  const keys = Number(read.shape[1]);
  const parts = split(graph.weight(`${name}.in_proj_weight`), 0, [width, width, width]);
  const offsets = split(graph.weight(`${name}.in_proj_bias`), 0, [width, width, width]);
  const part = (of: Value, at: number, count: number): Value =>
    transpose(reshape(linearLayer(of, parts[at]!, offsets[at]), [batch, count, heads, width / heads]), [0, 2, 1, 3]);
  const scores = fusedMatmul(part(x, 0, n), part(read, 1, keys), {
    transposeB: true,
    scale: 1 / Math.sqrt(width / heads),
  });
  const output = matmul(softmaxOf(add(scores, bias)), part(read, 2, keys));
  const joined = reshape(transpose(output, [0, 2, 1, 3]), [batch, n, width]);
  return linearLayer(joined, graph.weight(`${name}.out_proj.weight`), graph.weight(`${name}.out_proj.bias`));
}

const normGraph = (graph: ModuleGraph, x: Value, name: string): Value =>
  layerNormalization(x, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`), epsilon);

function perceptronGraph(graph: ModuleGraph, x: Value): Value {
  const dense = (of: Value, name: string): Value =>
    linearLayer(of, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`));
  return dense(rectify(dense(x, 'linear1')), 'linear2');
}

export function encoderLayerGraph(whole: ModuleGraph, x: Value, prefix: string, heads: number, bias: Value): Value {
  const graph = inside(whole, prefix);
  const first = normGraph(graph, add(x, mixedGraph(graph, x, x, 'self_attn', heads, bias)), 'norm1');
  return normGraph(graph, add(first, perceptronGraph(graph, first)), 'norm2');
}

export function decoderLayerGraph(
  whole: ModuleGraph,
  x: Value,
  memory: Value,
  prefix: string,
  heads: number,
  bias: { readonly causal: Value; readonly memory: Value },
): Value {
  const graph = inside(whole, prefix);
  const first = normGraph(graph, add(x, mixedGraph(graph, x, x, 'self_attn', heads, bias.causal)), 'norm1');
  const read = mixedGraph(graph, first, memory, 'multihead_attn', heads, bias.memory);
  const second = normGraph(graph, add(first, read), 'norm2');
  return normGraph(graph, add(second, perceptronGraph(graph, second)), 'norm3');
}

/** Multiply-adds for one sample over n tokens: 4 n d^2 + 2 n^2 d + 2 n d f. */
export const encoderMultiplyAdds = (n: number, { width: d, hidden: f }: LayerSize): number =>
  4 * n * d * d + 2 * n * n * d + 2 * n * d * f;

/** Those of an encoder layer over T steps, and a read of m tokens: 2 (T + m) d^2 + 2 T m d. */
export const decoderMultiplyAdds = (steps: number, m: number, size: LayerSize): number =>
  encoderMultiplyAdds(steps, size) + 2 * (steps + m) * size.width ** 2 + 2 * steps * m * size.width;
