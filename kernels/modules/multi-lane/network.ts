/** MULTI-LANE, the whole network: a frozen vision transformer, and a pathway of summarised tokens for every task (lane.ts). */
import { pictureBatch, pictureInput, pictureSamples } from '../../module-parts/classifier-ports';
import { add, divide, maximum } from '../../graph/operators/elementwise';
import { convolution as convolve } from '../../graph/operators/convolution';
import { concat, expand, reshape, split, transpose } from '../../graph/operators/layout';
import { fusedMatmul } from '../../graph/operators/matrix';
import { layerNormalization } from '../../graph/operators/normalize';
import { reduceNorm } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { Module, ModuleWeight, Tensors } from '../../module';
import { inside } from '../../module-parts/graph';
import { convolution, joined, layerNorm, permuted, reshaped, sliced } from '../../module-parts/layers';
import { headsFor } from '../../module-parts/plain-attention';
import {
  behind,
  convolutionWeights,
  linearWeights,
  normWeights,
  parameterCount,
  under,
  weightOf,
} from '../../module-parts/weights';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import {
  cachedPathways,
  epsilon,
  forPictures,
  frozenGraph,
  frozenLayer,
  layerMultiplyAdds,
  layerWeights,
  normalGraph,
  pathwayLayer,
  pathwayMultiplyAdds,
  selectorLayer,
  wholePathways,
  type LayerSize,
} from './lane';
import { lanePictures } from './pictures';
import * as field from '../../parameters';

interface Variant {
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly patch: number;
  /** Layers with prompts, from the first. */
  readonly prompted: number;
}

const variants: Readonly<Record<string, Variant>> = {
  'B/16': { width: 768, depth: 12, heads: 12, patch: 16, prompted: 5 },
  small: { width: 64, depth: 4, heads: 4, patch: 16, prompted: 2 },
  tiny: { width: 8, depth: 3, heads: 2, patch: 8, prompted: 2 },
};

export interface Parameters extends Record<string, number | string | boolean> {
  readonly variant: string;
  readonly tasks: number;
  readonly classes: number;
  readonly selectors: number;
  readonly prompts: number;
  readonly side: number;
  readonly cached: boolean;
  readonly batch: number;
}

const variantOf = ({ variant }: Pick<Parameters, 'variant'>): Variant => variants[variant]!;
const gridOf = (parameters: Parameters): number => Math.floor(parameters.side / variantOf(parameters).patch);

function layersOf(parameters: Parameters): readonly LayerSize[] {
  const { width, depth, heads, prompted } = variantOf(parameters);
  const { tasks, selectors, prompts } = parameters;
  return Array.from({ length: depth }, (_, at) => ({
    width,
    heads,
    tasks,
    selectors,
    prompts: at < prompted ? prompts : 0,
  }));
}

function networkWeights(parameters: Parameters): readonly ModuleWeight[] {
  const { width, patch } = variantOf(parameters);
  const { tasks, classes, selectors } = parameters;
  return [
    { name: 'cls_token', shape: [1, 1, width], initial: { kind: 'normal', deviation: 0.5 } },
    { name: 'pos_embed', shape: [1, gridOf(parameters) ** 2 + 1, width], initial: { kind: 'normal', deviation: 0.2 } },
    { name: 'selectors', shape: [tasks, selectors, width], initial: { kind: 'normal', deviation: 1 } },
    ...convolutionWeights('patch_embed.proj', width, 3, patch),
    ...layersOf(parameters).flatMap((size, at) => behind(`blocks.${at}.`, layerWeights(size))),
    ...normWeights('norm', width),
    ...linearWeights('head', tasks * classes, width),
  ];
}

function tokensOf(picture: Tensor, weights: Tensors, parameters: Parameters): Tensor {
  const { width, patch } = variantOf(parameters);
  const [kernel, bias] = [weightOf(weights, 'patch_embed.proj.weight'), weightOf(weights, 'patch_embed.proj.bias')];
  const map = convolution(picture, kernel, bias, { stride: patch });
  const batch = parameters.batch;
  const patches = permuted(reshaped(map, [batch, width, gridOf(parameters) ** 2]), [0, 2, 1]);
  const tokens = joined([copies(weightOf(weights, 'cls_token'), batch), patches], 1);
  const positions = weightOf(weights, 'pos_embed').data;
  return tensor(
    tokens.shape,
    tokens.data.map((value, at) => value + positions[at % positions.length]!),
  );
}

/** The same rows [1, n, C] for every picture. */
const copies = (x: Tensor, batch: number): Tensor =>
  joined(
    Array.from({ length: batch }, () => x),
    0,
  );

/** Outputs, the tokens z_t of every task and W of every layer and task. */
export function networkReference(picture: Tensor, weights: Tensors, parameters: Parameters) {
  const { batch, tasks, classes } = parameters;
  const { width, heads } = variantOf(parameters);
  let x = tokensOf(picture, weights, parameters);
  let lanes = Array.from({ length: tasks }, (_, t) =>
    copies(joined([weightOf(weights, 'cls_token'), sliced(weightOf(weights, 'selectors'), 0, t, t + 1)], 1), batch),
  );
  const maps: Tensor[][] = [];
  layersOf(parameters).forEach((size, at) => {
    const own = under(weights, `blocks.${at}.`);
    const steps = lanes.map((z, t) => pathwayLayer(z, x, own, size, t));
    maps.push(steps.map(({ map }) => map));
    lanes = steps.map(({ z }) => z);
    x = frozenLayer(x, own, heads);
  });
  const first = (z: Tensor): Tensor => {
    const normal = layerNorm(
      sliced(z, 1, 0, 1),
      weightOf(weights, 'norm.weight'),
      weightOf(weights, 'norm.bias'),
      epsilon,
    );
    return reshaped(normal, [batch, width]);
  };
  const [rows, offsets] = [weightOf(weights, 'head.weight').data, weightOf(weights, 'head.bias').data];
  const output = zeros([batch, tasks * classes]);
  lanes.forEach((z, t) => {
    const feature = first(z).data;
    for (let b = 0; b < batch; b++) {
      const f = feature.subarray(b * width, (b + 1) * width);
      const length = Math.hypot(...f);
      for (let k = t * classes; k < (t + 1) * classes; k++) {
        output.data[b * tasks * classes + k] = f.reduce(
          (total, value, i) => total + (value / length) * rows[k * width + i]!,
          offsets[k]!,
        );
      }
    }
  });
  return { output, frozen: first(x), lanes, maps };
}

export const multiLane: Module<Parameters> = {
  id: 'multi-lane',
  title: 'MULTI-LANE',
  kind: 'network',
  summary:
    'A frozen vision transformer with a pathway for each task, which reads a few summaries of the patches in place of all. Every class is scored by the pathway of its own task, so a task that is added changes no score of another, and costs a small part of a whole pass.',
  source: {
    reference: 'arXiv:2405.15633; multi_lane/blocks.py and vision_transformer.py of github.com/tdemin16/multi-lane',
    trust: 'high',
    note: 'The head is the published "concat" with L2-normalized features; each task has as many classes as another. Choosing a task by its key, token merging and pathways without drop and replace are not offered. small and tiny are no published variants.',
  },
  parameters: {
    variant: field.choice('Variant', 'B/16 as published; small and tiny to try.', {
      options: Object.keys(variants),
      default: 'small',
    }),
    tasks: field.integer('Tasks', 'T pathways.', { min: 1, max: 20, default: 4 }),
    classes: field.integer('Classes of a task', 'Each is scored by the pathway of its task.', {
      min: 1,
      max: 100,
      default: 10,
    }),
    selectors: field.integer('Selectors', 'G of a task; 20 as published.', { min: 1, max: 64, default: 20 }),
    prompts: field.integer('Prompts', 'p keys and values of a task in the first layers; 20 as published.', {
      min: 0,
      max: 64,
      default: 20,
    }),
    side: field.integer('Side', 'Pixels along each side; 224 as published.', { min: 16, max: 384, default: 112 }),
    cached: field.flag(
      'Cache selector rows',
      'Selector rows read no picture: computed once, they leave the class token as the only query. The same output.',
      true,
    ),
    batch: pictureBatch,
  },
  inputs: (parameters) => [pictureInput(parameters)],
  outputs: (parameters) => [
    {
      name: 'output',
      title: 'Classes',
      description: '[batch, tasks x classes], task by task, before the sigmoid',
      shape: [parameters.batch, parameters.tasks * parameters.classes],
    },
    {
      name: 'frozen',
      title: 'Frozen features',
      description: '[batch, width]: the class token of the frozen transformer',
      shape: [parameters.batch, variantOf(parameters).width],
    },
  ],
  weights: networkWeights,
  parametersOf(shapeOf) {
    const [selectors, prompts] = [shapeOf('selectors'), shapeOf('blocks.0.attn.prompts')];
    const [positions, head] = [shapeOf('pos_embed'), shapeOf('head.weight')];
    const found = Object.entries(variants).find(([, { width }]) => width === selectors?.[2]);
    if (!selectors || !positions || !head || !found) return {};
    return {
      variant: found[0],
      tasks: selectors[0]!,
      selectors: selectors[1]!,
      prompts: prompts?.[2] ?? 0,
      classes: head[0]! / selectors[0]!,
      side: Math.round(Math.sqrt(positions[1]! - 1)) * found[1].patch,
    };
  },
  fold(weights, parameters) {
    if (!parameters.cached) return weights;
    const { width } = variantOf(parameters);
    const rows = parameters.tasks * parameters.selectors;
    const { selectors, ...others } = weights;
    const cached: Record<string, Tensor> = {};
    layersOf(parameters).reduce(
      (current, _, at) => {
        const { s, next } = selectorLayer(current, under(weights, `blocks.${at}.`));
        cached[`selectors.${at}`] = reshaped(s, [rows, width]);
        return next;
      },
      reshaped(selectors!, [1, rows, width]),
    );
    return { ...others, ...cached };
  },
  reference({ inputs, weights }, parameters) {
    const { output, frozen } = networkReference(inputs['picture']!, weights, parameters);
    return { output, frozen };
  },
  build(graph, parameters) {
    const { batch, tasks, classes, selectors, cached } = parameters;
    const { width, heads, patch } = variantOf(parameters);
    const n = gridOf(parameters) ** 2;
    const [kernel, bias] = [graph.weight('patch_embed.proj.weight'), graph.weight('patch_embed.proj.bias')];
    const map = convolve(graph.input('picture'), kernel, bias, { stride: patch });
    const patches = transpose(reshape(map, [batch, width, n]), [0, 2, 1]);
    const cls = graph.weight('cls_token');
    let x = add(concat([expand(cls, [batch, 1, width]), patches], 1), graph.weight('pos_embed'));
    const classTokens = expand(cls, [tasks, 1, width]);
    let z = forPictures(cached ? classTokens : concat([classTokens, graph.weight('selectors')], 1), batch);
    layersOf(parameters).forEach((size, at) => {
      const own = inside(graph, `blocks.${at}.`);
      const normal = normalGraph(own, x);
      z = cached
        ? cachedPathways(own, z, normal, graph.weight(`selectors.${at}`), size)
        : wholePathways(own, z, normal, size);
      x = frozenGraph(own, x, normal, heads);
    });
    const first = (of: Value, rest: number): Value => {
      const row = rest > 0 ? split(of, 1, [1, rest])[0]! : of;
      return layerNormalization(row, graph.weight('norm.weight'), graph.weight('norm.bias'), epsilon);
    };
    const feature = reshape(first(z, cached ? 0 : selectors), [batch, tasks, width]);
    const unit = transpose(divide(feature, maximum(reduceNorm(feature, [2]), 1e-6)), [1, 0, 2]);
    const rows = reshape(graph.weight('head.weight'), [tasks, classes, width]);
    const scores = reshape(transpose(fusedMatmul(unit, rows, { transposeB: true }), [1, 0, 2]), [
      batch,
      tasks * classes,
    ]);
    return { output: add(scores, graph.weight('head.bias')), frozen: reshape(first(x, n), [batch, width]) };
  },
  cost(parameters) {
    const { batch, tasks, classes, selectors, side, cached } = parameters;
    const { width, patch, heads } = variantOf(parameters);
    const patches = gridOf(parameters) ** 2;
    const n = patches + 1;
    const layers = layersOf(parameters);
    const count = parameterCount(networkWeights(parameters));
    const pathways = layers.reduce((total, size) => total + tasks * pathwayMultiplyAdds(n, size, cached), 0);
    const multiplyAdds =
      batch *
      (3 * patch * patch * patches * width +
        layers.length * layerMultiplyAdds(n, width) +
        pathways +
        tasks * classes * width);
    const rows = tasks * (cached ? 1 : 1 + selectors);
    const scores = tasks * selectors * n + heads * n * n + heads * rows * (1 + selectors);
    const numbers = width * (n + rows);
    return {
      multiplyAdds,
      // Five operations on a score; two norms of eight, GELU of four and two sums on a number of a token.
      flops: 2 * multiplyAdds + batch * layers.length * (5 * scores + 22 * numbers),
      bytes: 4 * (count + batch * (3 * side * side + layers.length * (4 * scores + 30 * numbers))),
      parameters: count,
    };
  },
  depth: (parameters) => 2 + variantOf(parameters).depth,
  growth: {
    of: 'tasks',
    sizes: [5, 10, 20].map((tasks) => ({ variant: 'small', tasks, side: 32, cached: false })),
    size: ({ tasks }) => tasks,
    exponent: 1,
  },
  plain: (parameters) => {
    const { width } = variantOf(parameters);
    const tokens = gridOf(parameters) ** 2 + 1;
    return { batch: parameters.batch, queries: tokens, keys: tokens, width, heads: headsFor(width) };
  },
  limits: [],
  samples: pictureSamples(
    'Three discs of their own colours on a smooth ground: maps of selectors show their outlines.',
  ),
  pictures({ inputs, weights }, outputs, parameters) {
    const { maps } = networkReference(inputs['picture']!, weights, parameters);
    const layer = layersOf(parameters)[0]!;
    return lanePictures({ maps, output: outputs['output']!, grid: gridOf(parameters), layer, ...parameters });
  },
};
