/**
 * FeatEnHancer: a dark picture I [3, H, W] becomes I + sum of eight maps in (-1, 1), by
 *   F, F_q, F_o = features of I at full size, of Conv7/4(I) and of Conv3/2(Conv7/4(I)), the same seven convolutions at each;
 *   F^ = aggregation of F and F_q (aggregation.ts); A = tanh(ue9(ue8([F^; F_o at H x W]))), 24 maps, three for each addition.
 */
import { convolution as convolutionOf } from '../../graph/operators/convolution';
import { add, hyperbolicTangent, rectify } from '../../graph/operators/elementwise';
import { concat, reshape } from '../../graph/operators/layout';
import { reduceSum } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { Module, ModuleGraph, ModuleWeight, Tensors } from '../../module';
import { discs } from '../../module-parts/draw';
import { inside } from '../../module-parts/graph';
import { convolution, joined, mapped, relu, tanh } from '../../module-parts/layers';
import { headsFor } from '../../module-parts/plain-attention';
import { bilinear, bilinearGraph } from '../../module-parts/resize';
import { behind, convolutionWeights, parameterCount, under, weightOf } from '../../module-parts/weights';
import { normalTensor } from '../../tensors/random';
import type { Tensor } from '../../tensors/tensor';
import {
  aggregationMultiplyAdds,
  aggregationWeights,
  eighth,
  fineShare,
  leastSide,
  quarter,
  safaGraph,
  safaReference,
  type Aggregation,
} from './aggregation';
import { colourMap, sharePictures } from './pictures';
import * as field from '../../parameters';

export interface FeatEnhancerParameters extends Record<string, number> {
  readonly hidden: number;
  /** Maps that are added to the picture, three colours each: as many blocks of three channels choose between the scales. */
  readonly additions: number;
  readonly height: number;
  readonly width: number;
  readonly batch: number;
}

const aggregationOf = (additions: number): Aggregation => ({ blocks: additions, target: 1, scaled: true });
const prefix = 'scale_aware_aggregation.';

/** Channels in and out of the seven convolutions, and of the two behind the aggregation. */
const featureLayers = ({ hidden, additions }: FeatEnhancerParameters): readonly (readonly [number, number])[] => [
  [3, hidden],
  [hidden, hidden],
  [hidden, hidden],
  [hidden, hidden],
  [2 * hidden, hidden],
  [2 * hidden, hidden],
  [2 * hidden, 3 * additions],
];

export function featEnhancerWeights(parameters: FeatEnhancerParameters): readonly ModuleWeight[] {
  const { hidden, additions } = parameters;
  const channels = 3 * additions;
  return [
    ...featureLayers(parameters).flatMap(([inner, out], at) => convolutionWeights(`e_conv${at + 1}`, out, inner, 3)),
    ...convolutionWeights('ue_conv8', hidden, 2 * channels, 3),
    ...convolutionWeights('ue_conv9', channels, hidden, 3),
    ...convolutionWeights('quarter_conv', 3, 3, 7),
    ...convolutionWeights('hexa_conv', 3, 3, 3),
    ...behind(prefix, aggregationWeights(channels)),
  ];
}

/** The seven convolutions; at the coarsest scale the code leaves out the last ReLU. */
function featuresOf(x: Tensor, weights: Tensors, lastRelu: boolean): Tensor {
  const layer = (at: number, ...read: readonly Tensor[]): Tensor => {
    const name = `e_conv${at}`;
    return convolution(joined(read, 1), weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`), {
      padding: 1,
    });
  };
  const f1 = relu(layer(1, x));
  const f2 = relu(layer(2, f1));
  const f3 = relu(layer(3, f2));
  const f4 = relu(layer(4, f3));
  const f5 = relu(layer(5, f3, f4));
  const f6 = relu(layer(6, f2, f5));
  const f7 = layer(7, f1, f6);
  return lastRelu ? relu(f7) : f7;
}

export function featuresGraph(graph: ModuleGraph, x: Value, lastRelu: boolean): Value {
  const layer = (at: number, ...read: readonly Value[]): Value =>
    convolutionOf(concat(read, 1), graph.weight(`e_conv${at}.weight`), graph.weight(`e_conv${at}.bias`), {
      padding: 1,
    });
  const f1 = rectify(layer(1, x));
  const f2 = rectify(layer(2, f1));
  const f3 = rectify(layer(3, f2));
  const f4 = rectify(layer(4, f3));
  const f5 = rectify(layer(5, f3, f4));
  const f6 = rectify(layer(6, f2, f5));
  const f7 = layer(7, f1, f6);
  return lastRelu ? rectify(f7) : f7;
}

function reference(picture: Tensor, weights: Tensors, additions: number): Tensors {
  const layer = (x: Tensor, name: string, of: { readonly stride?: number; readonly padding?: number }): Tensor =>
    convolution(x, weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`), of);
  const fourth = layer(picture, 'quarter_conv', { stride: 4 });
  const coarsest = layer(fourth, 'hexa_conv', { stride: 2 });
  const [height, width] = picture.shape.slice(2) as [number, number];
  const { output: fine, shares } = safaReference(
    featuresOf(picture, weights, true),
    featuresOf(fourth, weights, true),
    under(weights, prefix),
    aggregationOf(additions),
  );
  const coarse = bilinear(featuresOf(coarsest, weights, false), height, width, 'corners');
  const merged = layer(joined([fine, coarse], 1), 'ue_conv8', { padding: 1 });
  const added = tanh(layer(merged, 'ue_conv9', { padding: 1 }));
  const size = 3 * height * width;
  const output = mapped(picture, (value, at) => {
    const [b, within] = [Math.floor(at / size), at % size];
    let total = value;
    for (let map = 0; map < additions; map++) total += added.data[(b * additions + map) * size + within]!;
    return total;
  });
  return { output, share: fineShare(shares) };
}

function build(graph: ModuleGraph, { additions }: FeatEnhancerParameters): Readonly<Record<string, Value>> {
  const picture = graph.input('picture');
  const [height, width] = picture.shape.slice(2).map(Number) as [number, number];
  const layer = (x: Value, name: string, stride: number): Value =>
    convolutionOf(x, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`), { stride });
  const fourth = layer(picture, 'quarter_conv', 4);
  const coarsest = layer(fourth, 'hexa_conv', 2);
  const { output: fine, share } = safaGraph(
    inside(graph, prefix),
    featuresGraph(graph, picture, true),
    featuresGraph(graph, fourth, true),
    aggregationOf(additions),
  );
  const coarse = bilinearGraph(graph, featuresGraph(graph, coarsest, false), height, width, 'corners');
  return { output: addedGraph(graph, picture, concat([fine, coarse], 1), additions), share };
}

/** The picture with the maps that the last two convolutions make of the features `read`. */
export function addedGraph(graph: ModuleGraph, picture: Value, read: Value, additions: number): Value {
  const [batch, , height, width] = picture.shape.map(Number) as [number, number, number, number];
  const layer = (x: Value, name: string): Value =>
    convolutionOf(x, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`), { padding: 1 });
  const added = hyperbolicTangent(layer(layer(read, 'ue_conv8'), 'ue_conv9'));
  return add(picture, reduceSum(reshape(added, [batch, additions, 3, height, width]), [1], false));
}

export const featEnhancer: Module<FeatEnhancerParameters> = {
  id: 'featenhancer',
  title: 'FeatEnHancer',
  kind: 'network',
  summary:
    'Features of a dark picture at three scales, joined pixel by pixel, become eight maps that are added to the picture before a detector reads it. It is trained by the loss of that detector alone.',
  source: {
    reference: 'ICCV 2023, sections 3.1 to 3.3; feat_enhancer.py of github.com/khurramHashmi/FeatEnHancer',
    trust: 'high',
    note: 'As in the code, also where it leaves out the ReLU behind the seventh convolution at the coarsest scale. In a detector of the repository the names stand behind the prefix of the enhancer.',
  },
  parameters: {
    hidden: field.integer('Hidden channels', 'Of the convolutions: 32 as published.', {
      min: 1,
      max: 128,
      default: 32,
    }),
    additions: field.integer(
      'Additions',
      'Maps of three colours that are added, and blocks that choose between scales: 8 as published.',
      { min: 1, max: 32, default: 8 },
    ),
    height: field.integer('Height', 'Rows of pixels.', { min: leastSide, max: 1024, default: 64 }),
    width: field.integer('Width', 'Columns of pixels.', { min: leastSide, max: 1024, default: 64 }),
    batch: field.integer('Batch', 'Pictures in a call.', { min: 1, max: 64, default: 1 }),
  },
  inputs: ({ batch, height, width }) => [
    {
      name: 'picture',
      kind: 'picture',
      title: 'Dark picture',
      description: '[batch, 3, height, width]',
      shape: [batch, 3, height, width],
    },
  ],
  outputs: ({ batch, additions, height, width }) => [
    {
      name: 'output',
      title: 'Enhanced picture',
      description: '[batch, 3, height, width], at most 1 an addition from the picture in every number',
      shape: [batch, 3, height, width],
    },
    {
      name: 'share',
      title: 'Share of the fine scale',
      description: '[batch, additions, height / 8, width / 8], between 0 and 1',
      shape: [batch, additions, eighth(height), eighth(width)],
    },
  ],
  weights: featEnhancerWeights,
  parametersOf(shapeOf) {
    const [first, last] = [shapeOf('e_conv1.weight'), shapeOf('e_conv7.weight')];
    return first && last ? { hidden: first[0]!, additions: last[0]! / 3 } : {};
  },
  reference: ({ inputs, weights }, { additions }) => reference(inputs['picture']!, weights, additions),
  build,
  cost(parameters) {
    const { batch, hidden, additions, height, width } = parameters;
    const channels = 3 * additions;
    const products = featureLayers(parameters).reduce((total, [inner, out]) => total + 9 * inner * out, 0);
    const merging = 27 * channels * hidden;
    const [whole, fine, small] = [height * width, quarter(height) * quarter(width), eighth(height) * eighth(width)];
    const pixels = whole + fine + small;
    const multiplyAdds =
      batch *
      (products * pixels +
        9 * (49 * fine + 9 * small) +
        merging * whole +
        aggregationMultiplyAdds(channels, height, width));
    const count = parameterCount(featEnhancerWeights(parameters));
    return {
      multiplyAdds,
      // Rectified numbers; scores and shares; resized, squashed and added maps.
      flops:
        2 * multiplyAdds +
        batch *
          ((6 * hidden + channels) * pixels + 8 * small * channels + 4 * additions * small + 20 * whole * channels),
      // Seven convolutions read, write and rectify, three of them read a joined copy; the others as they come.
      bytes: 4 * (count + batch * (pixels * (40 * hidden + 5 * channels) + whole * (22 * channels + 4 * hidden))),
      parameters: count,
    };
  },
  depth: () => 4,
  growth: {
    of: 'pixels',
    sizes: [128, 256, 512].map((side) => ({ height: side, width: side })),
    size: ({ height, width }) => height * width,
    exponent: 1,
  },
  plain: ({ batch, additions, height, width }) => ({
    batch,
    queries: eighth(height) * eighth(width),
    keys: eighth(height) * eighth(width),
    width: 3 * additions,
    heads: headsFor(3 * additions),
  }),
  limits: [
    {
      name: 'the last convolution 0: the picture passes unchanged',
      parameters: {},
      call: ({ inputs, weights }) => ({
        inputs,
        weights: {
          ...weights,
          'ue_conv9.weight': mapped(weights['ue_conv9.weight']!, () => 0),
          'ue_conv9.bias': mapped(weights['ue_conv9.bias']!, () => 0),
        },
      }),
      equals: ({ inputs }) => ({ output: inputs['picture']! }),
      within: 0,
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal numbers: a picture of noise.',
      draw: ({ batch, height, width }, seed) => ({ picture: normalTensor([batch, 3, height, width], seed) }),
    },
    {
      id: 'dark',
      title: 'Discs in the dark',
      description: 'Three discs at a fifth of their contrast on a ground that is two deviations darker than usual.',
      draw: ({ batch, height, width }, seed) => ({
        picture: mapped(discs([batch, 3, height, width], seed), (value) => 0.2 * value - 2),
      }),
    },
  ],
  pictures: ({ inputs }, outputs, { additions }) => [
    colourMap('enhanced', 'Enhanced picture', 'What the detector reads in place of the picture.', outputs['output']!),
    colourMap('given', 'The picture', 'As it was given.', inputs['picture']!),
    ...sharePictures(outputs['share']!, 3 * additions),
  ],
};
