/** Scale-aware feature aggregation as a module. Equations: aggregation.ts. */
import type { Module } from '../../module';
import { discs } from '../../module-parts/draw';
import { mapped, reshaped, sum } from '../../module-parts/layers';
import { headsFor } from '../../module-parts/plain-attention';
import { bilinear } from '../../module-parts/resize';
import { parameterCount } from '../../module-parts/weights';
import { normalTensor, seedFor } from '../../tensors/random';
import { zeros } from '../../tensors/tensor';
import {
  aggregationMultiplyAdds,
  aggregationWeights,
  eighth,
  embedded,
  fineShare,
  leastSide,
  quarter,
  safaGraph,
  safaReference,
  type Aggregation,
} from './aggregation';
import { sharePictures } from './pictures';
import * as field from '../../parameters';

export interface SafaParameters extends Record<string, number | boolean | string> {
  readonly channels: number;
  readonly blocks: number;
  /** S, from 2. */
  readonly scales: number;
  readonly target: string;
  readonly scaled: boolean;
  readonly height: number;
  readonly width: number;
  readonly batch: number;
}

const aggregationOf = ({ blocks, scales, target, scaled }: SafaParameters): Aggregation => ({
  blocks,
  target: { fine: 0, coarsest: scales - 1 }[target] ?? 1,
  scaled,
});

/** Names of the inputs of the third scale and those behind it. */
const furtherOf = ({ scales }: Pick<SafaParameters, 'scales'>): readonly string[] =>
  Array.from({ length: scales - 2 }, (_, at) => `scale${at + 3}`);

export const safa: Module<SafaParameters> = {
  id: 'safa',
  title: 'Scale-aware aggregation (FeatEnHancer)',
  kind: 'fusion',
  summary:
    'At every pixel each block of channels chooses between a fine and a coarse feature map, or more scales, by a softmax over them. No pixel reads another, so it is linear in the pixels, unlike attention over them.',
  source: {
    reference: 'ICCV 2023, section 3.2; feat_enhancer.py of github.com/khurramHashmi/FeatEnHancer',
    trust: 'high',
    note: 'As in the code: scores are over sqrt(d), and both scales are compared with the coarse one. The paper leaves out the root. More than two scales are not published. State dict: scale_aware_aggregation.* of the network.',
  },
  parameters: {
    channels: field.integer('Channels', '24 as published.', { min: 1, max: 256, default: 24 }),
    blocks: field.integer('Blocks', 'Groups of channels that choose by themselves: 8 as published.', {
      min: 1,
      max: 64,
      default: 8,
    }),
    scales: field.integer(
      'Scales',
      'Maps that are chosen from: 2 as published. Those from the third come in at an eighth of the size.',
      { min: 2, max: 8, default: 2 },
    ),
    target: field.choice(
      'Target scale',
      'The scale that all are compared with: the coarse one, the second, as published; coarsest: the last.',
      { options: ['coarse', 'fine', 'coarsest'], default: 'coarse' },
    ),
    scaled: field.flag('Scores over sqrt(d)', 'As in the code; off as the paper writes it.', true),
    height: field.integer('Height', 'Rows of the fine map.', { min: leastSide, max: 1024, default: 64 }),
    width: field.integer('Width', 'Columns of the fine map.', { min: leastSide, max: 1024, default: 64 }),
    batch: field.integer('Batch', 'Pairs of maps in a call.', { min: 1, max: 64, default: 1 }),
  },
  refuse: ({ channels, blocks }) =>
    channels % blocks !== 0 ? `${channels} channels do not fall into ${blocks} equal blocks.` : undefined,
  inputs: ({ batch, channels, scales, height, width }) => [
    {
      name: 'fine',
      kind: 'feature-map',
      title: 'Fine map',
      description: '[batch, channels, height, width]',
      shape: [batch, channels, height, width],
    },
    {
      name: 'coarse',
      kind: 'feature-map',
      title: 'Coarse map',
      description: '[batch, channels, height / 4, width / 4]: floor((H - 7) / 4) + 1 rows',
      shape: [batch, channels, quarter(height), quarter(width)],
    },
    ...furtherOf({ scales }).map((name, at) => ({
      name,
      kind: 'feature-map' as const,
      title: `Map of scale ${at + 3}`,
      description:
        '[batch, channels, height / 8, width / 8]: floor((H / 4 - 3) / 2) + 1 rows of H / 4 of the coarse map',
      shape: [batch, channels, eighth(height), eighth(width)],
    })),
  ],
  outputs: ({ batch, channels, blocks, scales, height, width }) => [
    {
      name: 'output',
      title: 'Fine map with what was chosen',
      description: '[batch, channels, height, width]',
      shape: [batch, channels, height, width],
    },
    {
      name: 'share',
      title: 'Share of the fine scale',
      description: '[batch, blocks, height / 8, width / 8], between 0 and 1',
      shape: [batch, blocks, eighth(height), eighth(width)],
    },
    ...(scales > 2
      ? [
          {
            name: 'shares',
            title: 'Share of each scale',
            description: '[batch, blocks, scales, height / 8, width / 8], 1 over the scales of a pixel',
            shape: [batch, blocks, scales, eighth(height), eighth(width)],
          },
        ]
      : []),
  ],
  weights: ({ channels }) => aggregationWeights(channels),
  parametersOf(shapeOf) {
    const query = shapeOf('query_conv1.weight');
    return query ? { channels: query[0]! } : {};
  },
  reference({ inputs, weights }, parameters) {
    const further = furtherOf(parameters).map((name) => inputs[name]!);
    const of = aggregationOf(parameters);
    const { output, shares } = safaReference(inputs['fine']!, inputs['coarse']!, weights, of, further);
    return { output, share: fineShare(shares), ...(further.length > 0 ? { shares } : {}) };
  },
  build(graph, parameters) {
    const further = furtherOf(parameters).map((name) => graph.input(name));
    return { ...safaGraph(graph, graph.input('fine'), graph.input('coarse'), aggregationOf(parameters), further) };
  },
  cost({ batch, channels, blocks, scales, height, width }) {
    const multiplyAdds = batch * aggregationMultiplyAdds(channels, height, width);
    const [whole, fine, small] = [height * width, quarter(height) * quarter(width), eighth(height) * eighth(width)];
    const count = parameterCount(aggregationWeights(channels));
    return {
      multiplyAdds,
      // Scores and mix: two multiply-adds a channel and scale; four operations on a share of two scales, which one difference decides, five on
      // one of more; seven on a number that is resized.
      flops:
        2 * multiplyAdds +
        batch * (4 * scales * small * channels + (scales > 2 ? 5 * scales : 4) * small * blocks + 8 * whole * channels),
      // The fine map is read twice; what was chosen is resized along rows and columns in four passes each.
      bytes:
        4 *
        (count +
          batch * channels * (8 * whole + 4 * eighth(height) * width + 3 * fine + (12 + 6 * (scales - 2)) * small)),
      parameters: count,
    };
  },
  depth: () => 3,
  growth: {
    of: 'pixels',
    sizes: [128, 256, 512].map((side) => ({ height: side, width: side })),
    size: ({ height, width }) => height * width,
    exponent: 1,
  },
  plain: ({ batch, channels, height, width }) => ({
    batch,
    queries: eighth(height) * eighth(width),
    keys: eighth(height) * eighth(width),
    width: channels,
    heads: headsFor(channels),
  }),
  limits: [
    {
      name: 'blocks of one channel: w_0 = sigmoid((q - k) k), number by number',
      parameters: { channels: 4, blocks: 4, scales: 2, target: 'coarse' },
      equals({ inputs, weights }, { height, width }) {
        const [q, k] = embedded(inputs['fine']!, inputs['coarse']!, weights);
        const share = mapped(q, (value, at) => 1 / (1 + Math.exp(-(value - k.data[at]!) * k.data[at]!)));
        const mixed = mapped(q, (value, at) => share.data[at]! * value + (1 - share.data[at]!) * k.data[at]!);
        return { share, output: sum(inputs['fine']!, bilinear(mixed, height, width, 'corners')) };
      },
    },
    {
      name: 'a coarse scale of zeros: half of each, whatever the fine one is',
      parameters: { scales: 2, target: 'coarse' },
      call: ({ inputs, weights }) => ({
        inputs,
        weights: {
          ...weights,
          'key_conv.weight': mapped(weights['key_conv.weight']!, () => 0),
          'key_conv.bias': mapped(weights['key_conv.bias']!, () => 0),
        },
      }),
      equals({ inputs, weights }, { batch, blocks, height, width }) {
        const [q] = embedded(inputs['fine']!, inputs['coarse']!, weights);
        const half = mapped(q, (value) => value / 2);
        return {
          share: mapped(zeros([batch, blocks, eighth(height), eighth(width)]), () => 0.5),
          output: sum(inputs['fine']!, bilinear(half, height, width, 'corners')),
        };
      },
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal numbers: no scale is better anywhere.',
      draw: ({ batch, channels, scales, height, width }, seed) => ({
        fine: normalTensor([batch, channels, height, width], seedFor(seed, 'fine')),
        coarse: normalTensor([batch, channels, quarter(height), quarter(width)], seedFor(seed, 'coarse')),
        ...Object.fromEntries(
          furtherOf({ scales }).map((name) => [
            name,
            normalTensor([batch, channels, eighth(height), eighth(width)], seedFor(seed, name)),
          ]),
        ),
      }),
    },
    {
      id: 'discs',
      title: 'Discs at both scales',
      description:
        'Three discs on a ground; the coarser maps are the fine one made smaller, the second strong in its left half only.',
      draw({ batch, channels, scales, height, width }, seed) {
        const fine = discs([batch, channels, height, width], seed);
        const columns = quarter(width);
        const small = bilinear(fine, quarter(height), columns, 'halves');
        const coarse = mapped(small, (value, at) => (2 * (at % columns) < columns ? 2 * value : 0.2 * value));
        const smallest = bilinear(fine, eighth(height), eighth(width), 'halves');
        const further = furtherOf({ scales }).map((name) => [name, smallest] as const);
        return { fine, coarse: reshaped(coarse, small.shape), ...Object.fromEntries(further) };
      },
    },
  ],
  pictures: (_call, outputs, { channels, scales }) => sharePictures(outputs['share']!, channels, scales),
};
