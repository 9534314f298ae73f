/**
 * The vanilla SpectFormer, the whole network: patches of 16 pixels, learned positions, `alpha` spectral blocks, attention blocks, a
 * layer norm, the mean over tokens, a linear layer.
 */
import {
  classesOutput,
  classesParameter,
  pictureBatch,
  pictureInput,
  pictureSamples,
} from '../../module-parts/classifier-ports';
import { headsFor } from '../../module-parts/plain-attention';
import { add } from '../../graph/operators/elementwise';
import { convolution as convolve } from '../../graph/operators/convolution';
import { reshape, transpose } from '../../graph/operators/layout';
import { layerNormalization } from '../../graph/operators/normalize';
import { reduceMean } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { Module, ModuleGraph, ModuleWeight, Tensors } from '../../module';
import { inside, linearLayer } from '../../module-parts/graph';
import { convolution, layerNorm, linear, permuted, reshaped, sum } from '../../module-parts/layers';
import {
  behind,
  convolutionWeights,
  linearWeights,
  normWeights,
  parameterCount,
  under,
  weightOf,
} from '../../module-parts/weights';
import { zeros, type Tensor } from '../../tensors/tensor';
import {
  blockGraph,
  blockMultiplyAdds,
  blockOthers,
  blockReference,
  blockWeights,
  epsilon,
  type BlockSize,
} from './block';
import { gatePictures, lowShare } from './pictures';
import * as field from '../../parameters';

/** Sizes of a network; the published ones are in `variants`. */
export interface SpectformerDesign {
  readonly channels: number;
  readonly depth: number;
  /** Hard-wired to 6 in the code, which 256 and 512 channels do not allow: as its comment says. */
  readonly heads: number;
  readonly patch: number;
}

const variants: Readonly<Record<string, SpectformerDesign>> = {
  T: { channels: 256, depth: 12, heads: 4, patch: 16 },
  XS: { channels: 384, depth: 12, heads: 6, patch: 16 },
  S: { channels: 384, depth: 19, heads: 6, patch: 16 },
  B: { channels: 512, depth: 19, heads: 8, patch: 16 },
  tiny: { channels: 8, depth: 3, heads: 2, patch: 4 },
};

interface Parameters extends Record<string, number | string> {
  readonly variant: string;
  readonly alpha: number;
  readonly side: number;
  readonly classes: number;
  readonly batch: number;
}

const variantOf = ({ variant }: Pick<Parameters, 'variant'>): SpectformerDesign => variants[variant]!;

type Rest = Pick<Parameters, 'alpha' | 'side' | 'classes' | 'batch'>;

function sizeFor({ channels, heads, patch }: SpectformerDesign, pixels: number): BlockSize {
  const side = Math.floor(pixels / patch);
  return { height: side, width: side, channels, heads };
}
const sizeOf = (parameters: Parameters): BlockSize => sizeFor(variantOf(parameters), parameters.side);

const kindsFor = ({ depth }: SpectformerDesign, alpha: number): readonly string[] =>
  Array.from({ length: depth }, (_, at) => (at < alpha ? 'spectral' : 'attention'));
const kindsOf = (parameters: Parameters): readonly string[] => kindsFor(variantOf(parameters), parameters.alpha);

export function designWeights(design: SpectformerDesign, of: Omit<Rest, 'batch'>): readonly ModuleWeight[] {
  const { channels, patch } = design;
  const size = sizeFor(design, of.side);
  return [
    { name: 'pos_embed', shape: [1, size.height * size.width, channels], initial: { kind: 'normal', deviation: 0.2 } },
    ...convolutionWeights('patch_embed.proj', channels, 3, patch),
    ...kindsFor(design, of.alpha).flatMap((kind, at) => behind(`blocks.${at}.`, blockWeights(kind, size))),
    ...normWeights('norm', channels),
    ...linearWeights('head', of.classes, channels),
  ];
}
const networkWeights = (parameters: Parameters): readonly ModuleWeight[] =>
  designWeights(variantOf(parameters), parameters);

/** Logits [b, classes] of the input `picture` [b, 3, side, side]. */
export function designGraph(graph: ModuleGraph, design: SpectformerDesign, of: Rest): Value {
  const { channels, patch } = design;
  const size = sizeFor(design, of.side);
  const n = size.height * size.width;
  const map = convolve(
    graph.input('picture'),
    graph.weight('patch_embed.proj.weight'),
    graph.weight('patch_embed.proj.bias'),
    { stride: patch },
  );
  const tokens = transpose(reshape(map, [of.batch, channels, n]), [0, 2, 1]);
  const last = kindsFor(design, of.alpha).reduce(
    (x, kind, at) => blockGraph(inside(graph, `blocks.${at}.`), x, kind, size),
    add(tokens, graph.weight('pos_embed')),
  );
  const normal = layerNormalization(last, graph.weight('norm.weight'), graph.weight('norm.bias'), epsilon);
  return linearLayer(reduceMean(normal, [1], false), graph.weight('head.weight'), graph.weight('head.bias'));
}

/** Multiply-adds of one picture. */
export function designMultiplyAdds(design: SpectformerDesign, { alpha, side, classes }: Omit<Rest, 'batch'>): number {
  const { channels, patch } = design;
  const size = sizeFor(design, side);
  const blocks = kindsFor(design, alpha).reduce((total, kind) => total + blockMultiplyAdds(kind, size), 0);
  return 3 * patch * patch * size.height * size.width * channels + blocks + channels * classes;
}

function tokensOf(picture: Tensor, weights: Tensors, parameters: Parameters): Tensor {
  const { channels, patch } = variantOf(parameters);
  const map = convolution(
    picture,
    weightOf(weights, 'patch_embed.proj.weight'),
    weightOf(weights, 'patch_embed.proj.bias'),
    { stride: patch },
  );
  const [batch, , height, width] = map.shape as [number, number, number, number];
  const tokens = permuted(reshaped(map, [batch, channels, height * width]), [0, 2, 1]);
  const positions = weightOf(weights, 'pos_embed').data;
  return sum(tokens, { shape: tokens.shape, data: tokens.data.map((_, at) => positions[at % positions.length]!) });
}

/** Means over the tokens, [b, C]. */
function meanOf(x: Tensor): Tensor {
  const [batch, n, channels] = x.shape as [number, number, number];
  const means = zeros([batch, channels]);
  x.data.forEach(
    (value, at) => (means.data[Math.floor(at / (n * channels)) * channels + (at % channels)]! += value / n),
  );
  return means;
}

export const spectformer: Module<Parameters> = {
  id: 'spectformer',
  title: 'SpectFormer (vanilla)',
  kind: 'network',
  summary:
    'A vision transformer whose first alpha blocks mix by gates in the frequency domain and whose others by attention. Move alpha between 0, a plain vision transformer without a class token, and the depth, where no softmax is left.',
  source: {
    reference: 'arXiv:2304.06446; vanilla_architecture/spectformer.py of github.com/badripatro/SpectFormers',
    trust: 'high',
    note: 'The code has 6 heads for every size, which 256 and 512 channels do not allow; here 4, 6 and 8. A picture is resized as a whole. `tiny` is no published variant.',
  },
  parameters: {
    variant: field.choice('Variant', 'Channels and depth as published; tiny is a small one to try.', {
      options: Object.keys(variants),
      default: 'T',
    }),
    alpha: field.integer('Alpha', 'How many of the first blocks are spectral; 4 as published.', {
      min: 0,
      max: 19,
      default: 4,
    }),
    side: field.integer('Side', 'Pixels along each side.', { min: 16, max: 512, default: 224 }),
    classes: classesParameter,
    batch: pictureBatch,
  },
  refuse(parameters) {
    const { depth } = variantOf(parameters);
    return parameters.alpha > depth
      ? `The network ${parameters.variant} has ${depth} blocks, so at most ${depth} can be spectral.`
      : undefined;
  },
  inputs: (parameters) => [pictureInput(parameters)],
  outputs: (parameters) => [classesOutput(parameters)],
  weights: networkWeights,
  parametersOf(shapeOf) {
    const channels = shapeOf('norm.weight')?.[0];
    const depth = Array.from({ length: 64 }, (_, at) => at).find((at) => !shapeOf(`blocks.${at}.norm1.weight`));
    const found = Object.entries(variants).find(([, each]) => each.channels === channels && each.depth === depth);
    const tokens = shapeOf('pos_embed')?.[1];
    const classes = shapeOf('head.weight')?.[0];
    if (!found || tokens === undefined || classes === undefined || depth === undefined) return {};
    const alpha = Array.from({ length: depth }, (_, at) => at).filter((at) =>
      shapeOf(`blocks.${at}.filter.complex_weight`),
    );
    return { variant: found[0], alpha: alpha.length, side: Math.round(Math.sqrt(tokens)) * found[1].patch, classes };
  },
  reference({ inputs, weights }, parameters) {
    const size = sizeOf(parameters);
    const last = kindsOf(parameters).reduce(
      (x, kind, at) => blockReference(x, under(weights, `blocks.${at}.`), kind, size),
      tokensOf(inputs['picture']!, weights, parameters),
    );
    const normal = layerNorm(last, weightOf(weights, 'norm.weight'), weightOf(weights, 'norm.bias'), epsilon);
    return { output: linear(meanOf(normal), weightOf(weights, 'head.weight'), weightOf(weights, 'head.bias')) };
  },
  build: (graph, parameters) => ({ output: designGraph(graph, variantOf(parameters), parameters) }),
  cost(parameters) {
    const { batch, side, classes } = parameters;
    const { channels } = variantOf(parameters);
    const size = sizeOf(parameters);
    const n = size.height * size.width;
    const kinds = kindsOf(parameters);
    const count = parameterCount(networkWeights(parameters));
    const multiplyAdds = batch * designMultiplyAdds(variantOf(parameters), parameters);
    return {
      multiplyAdds,
      flops: 2 * multiplyAdds + batch * kinds.reduce((total, kind) => total + blockOthers(kind, size), 0),
      bytes:
        4 *
        (count +
          batch *
            (3 * side * side +
              classes +
              kinds.reduce(
                (total, kind) => total + 30 * n * channels + (kind === 'attention' ? 4 * size.heads * n * n : 0),
                0,
              ))),
      parameters: count,
    };
  },
  depth: () => 4,
  growth: {
    of: 'pixels of the picture',
    sizes: [128, 192, 256].map((side) => ({ variant: 'T', alpha: 4, side })),
    size: ({ side }) => side * side,
    exponent: 1.1,
  },
  plain: (parameters) => {
    const { height, width, channels } = sizeOf(parameters);
    return {
      batch: parameters.batch,
      queries: height * width,
      keys: height * width,
      width: channels,
      heads: headsFor(channels),
    };
  },
  limits: [],
  samples: pictureSamples(),
  pictures({ weights }, _outputs, parameters) {
    const { width } = sizeOf(parameters);
    const gates = kindsOf(parameters).flatMap((kind, at) =>
      kind === 'spectral' ? [{ at, gate: weightOf(weights, `blocks.${at}.filter.complex_weight`) }] : [],
    );
    const shares = gates.map(({ at, gate }) => {
      const channels = gate.shape[2]!;
      const all = Array.from({ length: channels }, (_, c) => lowShare(gate, c, width));
      return { x: at, y: all.reduce((total, share) => total + share, 0) / channels };
    });
    const [first] = gates;
    return [
      first
        ? ({
            kind: 'chart',
            id: 'low-by-block',
            title: 'Energy at low frequencies by block',
            caption:
              'Mean over channels of the share of |G|^2 within half of the highest frequency: high passes come out low.',
            x: { title: 'Block', unit: '', scale: 'linear' },
            y: { title: 'Share of the energy', unit: '', scale: 'linear' },
            series: [{ title: 'spectral blocks', mark: 'points', points: shares }],
          } as const)
        : ({
            kind: 'table',
            id: 'blocks',
            title: 'Blocks',
            caption: 'With alpha 0 no block is spectral: a plain vision transformer without a class token.',
            columns: [
              { title: 'Block', kind: 'number' },
              { title: 'Mixer', kind: 'text' },
            ],
            rows: kindsOf(parameters).map((kind, at) => [at, kind]),
          } as const),
      ...(first ? gatePictures(first.gate, width) : []),
    ];
  },
};
