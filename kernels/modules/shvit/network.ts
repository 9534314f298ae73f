/**
 * SHViT, the whole network: four convolutions of stride 2, three stages of blocks with patch merging between, mean over pixels, batch
 * norm and a linear layer. Attention is in the second and third stage.
 */
import {
  classesOutput,
  classesParameter,
  pictureBatch,
  pictureInput,
  pictureSamples,
} from '../../module-parts/classifier-ports';
import { headsFor } from '../../module-parts/plain-attention';
import { add, multiply } from '../../graph/operators/elementwise';
import { reshape } from '../../graph/operators/layout';
import { reduceMean } from '../../graph/operators/reduce';
import type { Module, ModuleWeight, Tensors } from '../../module';
import { linearLayer } from '../../module-parts/graph';
import { batchNorm, linear, relu, reshaped } from '../../module-parts/layers';
import {
  batchNormOf,
  batchNormWeights,
  linearWeights,
  parameterCount,
  under,
  weightOf,
} from '../../module-parts/weights';
import { tensor, type Tensor } from '../../tensors/tensor';
import { rectify } from '../../graph/operators/elementwise';
import { basicBlock, depthwise, feedForward, inTurn, type Piece } from './block';
import { halved, patchMerging, pooled } from './merging';
import { buildPair, foldPair, pairReference, pairWeights } from './parts';
import { attentionPictures } from './pictures';
import { shsaInside } from './shsa';
import { qkDim, variants, type Variant } from './variants';
import * as field from '../../parameters';

interface Parameters extends Record<string, number | string> {
  readonly variant: string;
  readonly side: number;
  readonly classes: number;
  readonly batch: number;
}

const variantOf = ({ variant }: Pick<Parameters, 'variant'>): Variant => variants[variant]!;

/** Pixels along a side of the stem's output and of each stage. */
export function grids(side: number): readonly [stem: number, number, number, number] {
  const stem = halved(halved(halved(halved(side))));
  return [stem, stem, halved(stem), halved(halved(stem))];
}

const stemNames = [0, 2, 4, 6].map((at) => `patch_embed.${at}`);
const stemWidths = (width: number): readonly number[] => [3, width / 8, width / 4, width / 2, width];

function stem(width: number, side: number): Piece {
  const widths = stemWidths(width);
  return {
    weights: stemNames.flatMap((name, at) => pairWeights(name, widths[at + 1]!, widths[at]!, 3)),
    fold: (weights) => Object.assign({}, ...stemNames.map((name) => foldPair(weights, name))) as Tensors,
    reference: (x, weights) =>
      stemNames.reduce((y, name, at) => {
        const next = pairReference(y, weights, name, { stride: 2, padding: 1 });
        return at < 3 ? relu(next) : next;
      }, x),
    build: (graph, x) =>
      stemNames.reduce((y, name, at) => {
        const next = buildPair(graph, y, name, { stride: 2, padding: 1 });
        return at < 3 ? rectify(next) : next;
      }, x),
    multiplyAdds() {
      let [total, size] = [0, side];
      for (let at = 0; at < 4; at++) {
        size = halved(size);
        total += 9 * size * size * widths[at]! * widths[at + 1]!;
      }
      return total;
    },
  };
}

interface Step {
  readonly piece: Piece;
  /** Pixels that go in. */
  readonly pixels: number;
  /** Blocks with attention: where their weights stand, and the width that attends. */
  readonly attends?: { readonly prefix: string; readonly partial: number };
}

/** Everything between the picture and the mean over pixels, in order. */
function stepsOf(parameters: Pick<Parameters, 'variant' | 'side'>): readonly Step[] {
  const { channels, depths, partial } = variantOf(parameters);
  const sides = grids(parameters.side);
  const pixels = (stage: number): number => sides[stage]! ** 2;
  const around = (name: string, width: number): Piece =>
    inTurn([depthwise(`${name}.0.m`, width), feedForward(`${name}.1.m`, width)]);
  const steps: Step[] = [{ piece: stem(channels[0], parameters.side), pixels: parameters.side ** 2 }];
  for (const stage of [1, 2, 3] as const) {
    const width = channels[stage - 1]!;
    const name = `blocks${stage}`;
    if (stage > 1) {
      const before = channels[stage - 2]!;
      steps.push(
        { piece: around(`${name}.0`, before), pixels: pixels(stage - 1) },
        { piece: patchMerging(`${name}.1`, before, width, () => pixels(stage)), pixels: pixels(stage - 1) },
        { piece: around(`${name}.2`, width), pixels: pixels(stage) },
      );
    }
    for (let at = 0; at < depths[stage - 1]!; at++) {
      const prefix = `${name}.${at + (stage > 1 ? 3 : 0)}.`;
      const size = { channels: width, partial: partial[stage - 1]!, qkDim };
      const piece = basicBlock(prefix, width, stage > 1 ? size : undefined);
      steps.push({
        piece,
        pixels: pixels(stage),
        ...(stage > 1 ? { attends: { prefix, partial: size.partial } } : {}),
      });
    }
  }
  return steps;
}

const bodyOf = (parameters: Parameters): Piece => inTurn(stepsOf(parameters).map(({ piece }) => piece));

const networkWeights = (parameters: Parameters): readonly ModuleWeight[] => {
  const last = variantOf(parameters).channels[2];
  return [
    ...bodyOf(parameters).weights,
    ...batchNormWeights('head.bn', last),
    ...linearWeights('head.l', parameters.classes, last),
  ];
};

/** The batch norm behind the mean as a factor and a term of its own: it stands before the linear layer. */
function headFold(weights: Tensors): Tensors {
  const { weight, bias, running_mean: mean, running_var: variance } = batchNormOf(weights, 'head.bn');
  const factor = weight.data.map((value, at) => value / Math.sqrt(variance.data[at]! + 1e-5));
  return {
    'head.factor': tensor(weight.shape, factor),
    'head.term': tensor(
      bias.shape,
      bias.data.map((value, at) => value - mean.data[at]! * factor[at]!),
    ),
    'head.l.weight': weightOf(weights, 'head.l.weight'),
    'head.l.bias': weightOf(weights, 'head.l.bias'),
  };
}

export const shvit: Module<Parameters> = {
  id: 'shvit',
  title: 'SHViT',
  kind: 'network',
  summary:
    'A vision transformer whose attention has one head over part of the channels, in three stages behind a convolutional stem of stride 16. The whole network from a picture to its classes; published checkpoints load as safetensors.',
  source: {
    reference: 'arXiv:2401.16456; model/shvit.py and model/build.py of github.com/ysj9909/SHViT',
    trust: 'high',
    note: 'A picture is resized as a whole to the side asked for; the repository resizes and crops. `tiny` is no published variant: a small one to try.',
  },
  parameters: {
    variant: field.choice(
      'Variant',
      'Channels, depths and attended channels as published; tiny is a small one to try.',
      { options: Object.keys(variants), default: 'S1' },
    ),
    side: field.integer('Side', 'Pixels along each side of the picture: 224 in S1 to S3, 256 in S4.', {
      min: 32,
      max: 512,
      default: 224,
    }),
    classes: classesParameter,
    batch: pictureBatch,
  },
  inputs: (parameters) => [pictureInput(parameters)],
  outputs: (parameters) => [classesOutput(parameters)],
  weights: networkWeights,
  parametersOf(shapeOf) {
    const widths = ['blocks1.0.ffn.m.pw2.c.weight', 'blocks2.2.1.m.pw2.c.weight', 'blocks3.2.1.m.pw2.c.weight'].map(
      (name) => shapeOf(name)?.[0],
    );
    const found = Object.entries(variants).find(([, { channels }]) => channels.join() === widths.join());
    const classes = shapeOf('head.l.weight')?.[0];
    return { ...(found ? { variant: found[0] } : {}), ...(classes === undefined ? {} : { classes }) };
  },
  fold: (weights, parameters) => ({ ...bodyOf(parameters).fold(weights), ...headFold(weights) }),
  reference({ inputs, weights }, parameters) {
    const features = pooled(bodyOf(parameters).reference(inputs['picture']!, weights));
    const normal = batchNorm(features, batchNormOf(weights, 'head.bn'));
    const rows = reshaped(normal, normal.shape.slice(0, 2));
    return { output: linear(rows, weightOf(weights, 'head.l.weight'), weightOf(weights, 'head.l.bias')) };
  },
  build(graph, parameters) {
    const last = bodyOf(parameters).build(graph, graph.input('picture'));
    const features = reshape(reduceMean(last, [2, 3]), [parameters.batch, variantOf(parameters).channels[2]]);
    const normal = add(multiply(features, graph.weight('head.factor')), graph.weight('head.term'));
    return { output: linearLayer(normal, graph.weight('head.l.weight'), graph.weight('head.l.bias')) };
  },
  cost(parameters) {
    const { batch, side, classes } = parameters;
    const { channels } = variantOf(parameters);
    const steps = stepsOf(parameters);
    const count = parameterCount(networkWeights(parameters));
    const body = steps.reduce((total, { piece, pixels }) => total + piece.multiplyAdds(pixels), 0);
    const multiplyAdds = batch * (body + channels[2] * classes);
    // Softmax over scores, and norms, rectifiers and sums over the feature maps, ten on each number of a block.
    const others = steps.reduce(
      (total, { pixels, attends }, at) =>
        total + (attends ? 5 * pixels * pixels : 0) + (at === 0 ? 0 : 10 * pixels * channels[at < 3 ? 0 : 2]),
      0,
    );
    return {
      multiplyAdds,
      flops: 2 * multiplyAdds + batch * others,
      bytes:
        4 *
        (count +
          batch *
            (3 * side * side +
              classes +
              steps.reduce(
                (total, { pixels, attends }, at) =>
                  total + (at === 0 ? 0 : 20 * pixels * channels[1]) + (attends ? 4 * pixels * pixels : 0),
                0,
              ))),
      parameters: count,
    };
  },
  depth: () => 4,
  growth: {
    of: 'pixels of the picture',
    sizes: [128, 192, 256].map((side) => ({ variant: 'S1', side })),
    size: ({ side }) => side * side,
    exponent: 1,
  },
  plain: (parameters) => {
    const n = grids(parameters.side)[2] ** 2;
    const width = variantOf(parameters).channels[1];
    return { batch: parameters.batch, queries: n, keys: n, width, heads: headsFor(width) };
  },
  limits: [],
  samples: pictureSamples(),
  pictures: ({ inputs, weights }, outputs, parameters) => {
    const attention = lastAttention(inputs['picture']!, weights, parameters);
    return [
      ...attentionPictures(attention.weights, attention.before, attention),
      {
        kind: 'table',
        id: 'classes',
        title: 'Strongest classes',
        caption:
          'The five largest outputs of the first picture, with their share after the softmax; numbers of classes as in the checkpoint.',
        columns: [
          { title: 'Class', kind: 'number' },
          { title: 'Output', kind: 'number' },
          { title: 'Share', kind: 'number', definition: 'softmax over all classes' },
        ],
        rows: strongest(outputs['output']!),
      },
    ];
  },
};

/** Attention of the last block of the second stage, whose grid is the finer one. */
function lastAttention(picture: Tensor, weights: Tensors, parameters: Parameters) {
  const steps = stepsOf(parameters);
  const at = steps.findLastIndex(({ attends }) => attends?.prefix.startsWith('blocks2.'));
  const { attends } = steps[at]!;
  const width = variantOf(parameters).channels[1];
  let x = picture;
  for (const { piece } of steps.slice(0, at)) x = piece.reference(x, weights);
  x = depthwise(`${attends!.prefix}conv.m`, width).reference(x, weights);
  const { partial, prefix } = attends!;
  const inner = shsaInside(x, under(weights, `${prefix}mixer.m.`), { channels: width, partial, qkDim });
  return { ...inner, partial, height: x.shape[2]!, width: x.shape[3]! };
}

function strongest({ shape, data }: Tensor): readonly (readonly number[])[] {
  const own = Array.from(data.subarray(0, shape[1]));
  const most = Math.max(...own);
  const total = own.reduce((sum, value) => sum + Math.exp(value - most), 0);
  return own
    .map((value, at) => [at, value, Math.exp(value - most) / total])
    .sort((a, b) => b[1]! - a[1]!)
    .slice(0, 5);
}
