/**
 * A layer of MULTI-LANE. The frozen stream is a plain transformer layer over the tokens x [b, N, C] of a picture. A pathway t has tokens
 * z_t = [c; S] [b, 1 + G, C]; with x' = LN1(x) and [c'; s] = LN1(z_t):
 *
 *   U = summary of x' by s; y = prefix attention over [c'; U]; z_t <- z_t + [y_0; s]; z_t <- z_t + MLP(LN2(z_t)).
 *
 * Only row 0 of y is kept ("drop and replace"), so that selector rows never depend on the picture: they are constants of the weights.
 */
import { add, gelu as geluOf } from '../../graph/operators/elementwise';
import { concat, expand, reshape, split } from '../../graph/operators/layout';
import { layerNormalization } from '../../graph/operators/normalize';
import type { Value } from '../../graph/records';
import type { ModuleGraph, ModuleWeight, Tensors } from '../../module';
import { inside, linearLayer } from '../../module-parts/graph';
import { gelu, joined, layerNorm, linear, reshaped, sliced, sum } from '../../module-parts/layers';
import { behind, linearWeights, normWeights, under, weightOf } from '../../module-parts/weights';
import type { Tensor } from '../../tensors/tensor';
import { prefixAttention, prefixGraph, summary, summaryGraph } from './parts';

export interface LayerSize {
  readonly width: number;
  readonly heads: number;
  readonly tasks: number;
  readonly selectors: number;
  /** 0 in the layers without prompts. */
  readonly prompts: number;
}

export const epsilon = 1e-6;

export const layerWeights = ({ width: c, heads, tasks, prompts }: LayerSize): readonly ModuleWeight[] => [
  ...normWeights('norm1', c),
  ...behind('attn.', [
    ...linearWeights('qkv', 3 * c, c),
    ...linearWeights('proj', c, c),
    ...(prompts > 0
      ? [
          {
            name: 'prompts',
            shape: [2, tasks, prompts, heads, c / heads],
            initial: { kind: 'normal', deviation: 1 },
          } as const,
        ]
      : []),
  ]),
  ...normWeights('norm2', c),
  ...linearWeights('mlp.fc1', 4 * c, c),
  ...linearWeights('mlp.fc2', c, 4 * c),
];

const norm = (x: Tensor, weights: Tensors, name: string): Tensor =>
  layerNorm(x, weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`), epsilon);

/** x + MLP(LN2(x)) */
function perceived(x: Tensor, weights: Tensors): Tensor {
  const layer = (of: Tensor, name: string): Tensor =>
    linear(of, weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`));
  return sum(x, layer(gelu(layer(norm(x, weights, 'norm2'), 'mlp.fc1')), 'mlp.fc2'));
}

export function frozenLayer(x: Tensor, weights: Tensors, heads: number): Tensor {
  const { output } = prefixAttention(norm(x, weights, 'norm1'), under(weights, 'attn.'), heads);
  return perceived(sum(x, output), weights);
}

/** z_t of one task behind the layer, and the map W of its selectors [b, G, N]. */
export function pathwayLayer(z: Tensor, x: Tensor, weights: Tensors, size: LayerSize, task: number) {
  const normal = norm(z, weights, 'norm1');
  const [c, s] = [sliced(normal, 1, 0, 1), sliced(normal, 1, 1, 1 + size.selectors)];
  const { weights: map, output } = summary(s, norm(x, weights, 'norm1'));
  const prompts = size.prompts > 0 ? sliced(weightOf(weights, 'attn.prompts'), 1, task, task + 1) : undefined;
  const own = prompts && reshaped(prompts, [2, ...prompts.shape.slice(2)]);
  const read = prefixAttention(joined([c, output], 1), under(weights, 'attn.'), size.heads, own).output;
  return { map, z: perceived(sum(z, joined([sliced(read, 1, 0, 1), s], 1)), weights) };
}

/** s of the layer and the selectors behind it, [1, T G, C]: no picture is read. */
export function selectorLayer(selectors: Tensor, weights: Tensors) {
  const s = norm(selectors, weights, 'norm1');
  return { s, next: perceived(sum(selectors, s), weights) };
}

const normalised = (graph: ModuleGraph, x: Value, name: string): Value =>
  layerNormalization(x, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`), epsilon);

function perceive(graph: ModuleGraph, x: Value): Value {
  const layer = (of: Value, name: string): Value =>
    linearLayer(of, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`));
  return add(x, layer(geluOf(layer(normalised(graph, x, 'norm2'), 'mlp.fc1'), 'none'), 'mlp.fc2'));
}

/** x [b, N, C] already normalised beside it. */
export const frozenGraph = (graph: ModuleGraph, x: Value, normal: Value, heads: number): Value =>
  perceive(graph, add(x, prefixGraph(inside(graph, 'attn.'), normal, heads)));

export const normalGraph = (graph: ModuleGraph, x: Value): Value => normalised(graph, x, 'norm1');

/** Class tokens of all pathways [b T, 1, C]; `s` [T G, C], the normalised selectors of the layer, are constants. */
export function cachedPathways(graph: ModuleGraph, c: Value, normal: Value, s: Value, size: LayerSize): Value {
  const { selectors, width, heads, prompts } = size;
  const rows = Number(c.shape[0]);
  const read = reshape(summaryGraph(s, normal).output, [rows, selectors, width]);
  const tokens = concat([normalised(graph, c, 'norm1'), read], 1);
  const own = prompts > 0 ? graph.weight('attn.prompts') : undefined;
  return perceive(graph, add(c, prefixGraph(inside(graph, 'attn.'), tokens, heads, own, true)));
}

/** All tokens of all pathways [b T, 1 + G, C], as published. */
export function wholePathways(graph: ModuleGraph, z: Value, normal: Value, size: LayerSize): Value {
  const { tasks, selectors, width, heads, prompts } = size;
  const rows = Number(z.shape[0]);
  const [c, s] = split(normalised(graph, z, 'norm1'), 1, [1, selectors]) as [Value, Value];
  const all = reshape(s, [rows / tasks, tasks * selectors, width]);
  const read = reshape(summaryGraph(all, normal).output, [rows, selectors, width]);
  const own = prompts > 0 ? graph.weight('attn.prompts') : undefined;
  const mixed = prefixGraph(inside(graph, 'attn.'), concat([c, read], 1), heads, own);
  const kept = split(mixed, 1, [1, selectors])[0]!;
  return perceive(graph, add(z, concat([kept, s], 1)));
}

/** The same rows for every picture: [T, n, C] to [b T, n, C]. */
export function forPictures(x: Value, batch: number): Value {
  const [tasks, n, width] = x.shape.map(Number) as [number, number, number];
  return reshape(expand(reshape(x, [1, tasks, n, width]), [batch, tasks, n, width]), [batch * tasks, n, width]);
}

/** Multiply-adds of a plain layer over n tokens. */
export const layerMultiplyAdds = (n: number, c: number): number => 12 * n * c * c + 2 * n * n * c;

/** Multiply-adds of one pathway in a layer over n tokens: the summary, then all 1 + G rows, or the class token alone as a query. */
export function pathwayMultiplyAdds(
  n: number,
  { width: c, selectors: g, prompts: p }: LayerSize,
  cached: boolean,
): number {
  const queries = cached ? 1 : 1 + g;
  return 2 * g * n * c + queries * 10 * c * c + 2 * (1 + g) * c * c + 2 * queries * (1 + g + p) * c;
}
