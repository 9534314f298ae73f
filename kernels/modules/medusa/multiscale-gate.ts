/** Gates of several scales that share one global map, in the spirit of MEDUSA: the module. Equations: definition.ts. */
import type { Module, ModuleCost, ModuleInput } from '../../module';
import { headsFor } from '../../module-parts/plain-attention';
import { parameterCount } from '../../module-parts/weights';
import { mapped, reshaped } from '../../module-parts/layers';
import { zeros } from '../../tensors/tensor';
import {
  bodyLayers,
  contexts,
  gateFold,
  gateReference,
  gateWeights,
  hasBody,
  headsOf,
  isShared,
  type GateParameters,
} from './definition';
import { gateGraph } from './graph';
import { gatePictures } from './pictures';
import { ellipseSample, normalSample } from './samples';
import * as field from '../../parameters';

const strength = (scale: number) =>
  field.number(
    `Strength of scale ${scale}`,
    'The exponent of the gate: 0 opens it, 1 leaves it, more closes what is half open.',
    { min: 0, max: 4, default: 1 },
  );

function cost(parameters: GateParameters): ModuleCost {
  const { batch, globals, image, bodyWidth } = parameters;
  const heads = headsOf(parameters);
  const body = hasBody(parameters) ? bodyLayers(parameters) : [];
  const read = isShared(parameters) ? globals : 0;
  const whole = hasBody(parameters) ? image * image : 0;
  const total = (of: readonly number[]): number => of.reduce((sum, each) => sum + each, 0);
  const multiplyAdds =
    batch *
    (total(body.map(({ out, inner, pixels }) => 9 * out * inner * pixels)) +
      whole * globals * bodyWidth +
      total(heads.map((h) => h.height * h.width * h.hidden * (9 * (h.channels + read) + h.maps))));
  const rectified =
    total(body.map(({ out, pixels }) => out * pixels)) + total(heads.map((h) => h.hidden * h.height * h.width));
  const gated = total(heads.map((h) => h.channels * h.height * h.width));
  const count = parameterCount(gateWeights(parameters));
  return {
    multiplyAdds,
    // One operation on a rectified or gated number, four on a sigmoid, eight on a number of the grey image.
    flops: 2 * multiplyAdds + batch * (rectified + gated + 4 * whole * globals + 8 * whole),
    // A convolution reads its image and writes its output, which is rectified in one more pass; skips are joined and maps resized.
    bytes:
      4 *
      (count +
        batch *
          (total(body.map(({ out, inner, pixels }) => pixels * (2 * inner + 4 * out))) +
            whole * (2 * bodyWidth + 4 * globals + 4) +
            (isShared(parameters) ? 2 * globals * image * image : 0) +
            total(heads.map((h) => h.height * h.width * (3 * h.channels + 3 * read + 4 * h.hidden + 4 * h.maps))) +
            3 * gated)),
    parameters: count,
  };
}

export const multiscaleGate: Module<GateParameters> = {
  id: 'multiscale-gate',
  title: 'Multi-scale gates (in the spirit of MEDUSA)',
  kind: 'fusion',
  summary:
    'One map over the whole image, made by a small U-shaped net, opens and closes the features of every scale through a head of its own. It is gating, not softmax attention, and linear in the pixels: global context at the price of convolutions.',
  source: {
    reference: 'arXiv:2110.06063, abstract; inputs from github.com/lindawangg/COVID-Net',
    trust: 'low',
    note: 'A reconstruction. Only the abstract and the inputs (a grey image less its mean over its deviation) are published in readable form; the layers, their sizes and the names of their weights are ours. Released checkpoints are TensorFlow graphs and are not read. Outputs are no diagnosis.',
  },
  parameters: {
    context: field.choice(
      'Global map',
      'What the heads read: the map of the body, a drawn mask, the map of the next image, the mean of the map, ones (context off), or none (isolated heads).',
      { options: contexts, default: 'body' },
    ),
    gate: field.choice('Gate', 'multiply: F A. residual: F (1 + A).', {
      options: ['multiply', 'residual'],
      default: 'multiply',
    }),
    form: field.choice('Form of a gate', 'spatial: one map for all channels. channels: a map for each.', {
      options: ['spatial', 'channels'],
      default: 'spatial',
    }),
    scales: field.integer('Scales', 'Feature maps, each half as large as the one before.', {
      min: 1,
      max: 4,
      default: 3,
    }),
    globals: field.integer('Global maps', 'Maps that the body gives.', { min: 1, max: 8, default: 1 }),
    image: field.integer('Side of the grey image', 'Pixels, a multiple of 8: 256 in COVID-Net.', {
      min: 8,
      max: 512,
      default: 64,
    }),
    bodyWidth: field.integer(
      'Body width',
      'Channels of the finest level of the body; each further level doubles them.',
      { min: 1, max: 64, default: 16 },
    ),
    channels: field.integer('Channels', 'Of the finest features; each further scale doubles them.', {
      min: 1,
      max: 512,
      default: 32,
    }),
    height: field.integer('Height', 'Rows of the finest features.', { min: 1, max: 256, default: 32 }),
    width: field.integer('Width', 'Columns of the finest features.', { min: 1, max: 256, default: 32 }),
    strength1: strength(1),
    strength2: strength(2),
    strength3: strength(3),
    strength4: strength(4),
    batch: field.integer('Batch', 'Images in a call.', { min: 1, max: 64, default: 1 }),
  },
  refuse({ context, image, scales, height, width, batch }) {
    if (image % 8 !== 0) return `The body halves the grey image three times, and ${image} is no multiple of 8.`;
    const steps = 2 ** (scales - 1);
    if (height % steps !== 0 || width % steps !== 0) {
      return `Features of ${height} x ${width} cannot be halved for ${scales} scales: use multiples of ${steps}.`;
    }
    if (context === 'swapped' && batch < 2) return 'Maps are swapped between images, so a call needs two or more.';
    return undefined;
  },
  inputs(parameters) {
    const { batch, globals, image, context } = parameters;
    const context_: readonly ModuleInput[] = hasBody(parameters)
      ? [
          {
            name: 'image',
            kind: 'feature-map',
            title: 'Grey image',
            description:
              '[batch, 1, side, side], the whole image without a crop; its mean and deviation are taken off here',
            shape: [batch, 1, image, image],
          },
        ]
      : context === 'mask'
        ? [
            {
              name: 'mask',
              kind: 'mask',
              title: 'Drawn map',
              description: '[batch, maps, side, side] in place of the global map',
              shape: [batch, globals, image, image],
            },
          ]
        : [];
    return [
      ...context_,
      ...headsOf(parameters).map(({ scale, channels, height, width }): ModuleInput => ({
        name: `features${scale}`,
        kind: 'feature-map',
        title: `Features of scale ${scale}`,
        description: '[batch, channels, height, width]',
        shape: [batch, channels, height, width],
      })),
    ];
  },
  outputs(parameters) {
    const { batch, globals, image } = parameters;
    return [
      ...(isShared(parameters)
        ? [
            {
              name: 'global',
              title: 'Global map',
              description: '[batch, maps, side, side], what the heads read',
              shape: [batch, globals, image, image],
            },
          ]
        : []),
      ...headsOf(parameters).flatMap(({ scale, channels, height, width, maps }) => [
        {
          name: `map${scale}`,
          title: `Gate of scale ${scale}`,
          description: '[batch, 1 or channels, height, width], between 0 and 1',
          shape: [batch, maps, height, width],
        },
        {
          name: `gated${scale}`,
          title: `Gated features of scale ${scale}`,
          description: '[batch, channels, height, width], what the next stage of the backbone reads',
          shape: [batch, channels, height, width],
        },
      ]),
    ];
  },
  weights: gateWeights,
  fold: gateFold,
  reference: ({ inputs, weights }, parameters) => gateReference(inputs, weights, parameters),
  build: gateGraph,
  cost,
  depth: () => 4,
  growth: {
    of: 'pixels',
    sizes: [64, 128, 256].map((image) => ({ image, height: image / 2, width: image / 2 })),
    size: ({ image }) => image * image,
    exponent: 1,
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
      name: 'heads wide open: every gate is 1 and the features pass unchanged',
      parameters: { gate: 'multiply' },
      call: ({ inputs, weights }, parameters) => ({ inputs, weights: withBias(weights, parameters, 1e3) }),
      equals: ({ inputs }, parameters) =>
        Object.fromEntries(headsOf(parameters).map(({ scale }) => [`gated${scale}`, inputs[`features${scale}`]!])),
    },
    {
      name: 'residual gates that are shut: the features pass unchanged',
      parameters: { gate: 'residual' },
      call: ({ inputs, weights }, parameters) => ({ inputs, weights: withBias(weights, parameters, -1e3) }),
      equals: ({ inputs }, parameters) =>
        Object.fromEntries(headsOf(parameters).map(({ scale }) => [`gated${scale}`, inputs[`features${scale}`]!])),
    },
    {
      name: 'one scale of one pixel, no context: a perceptron of two layers',
      parameters: {
        context: 'none',
        scales: 1,
        height: 1,
        width: 1,
        channels: 3,
        gate: 'multiply',
        form: 'spatial',
        strength1: 1,
      },
      equals({ inputs, weights }, { batch, channels }) {
        const [hidden, open] = [weights['heads.1.hidden.weight']!, weights['heads.1.map.weight']!];
        const x = inputs['features1']!;
        const map = mapped(zeros([batch, 1, 1, 1]), (_, b) => {
          let logit = weights['heads.1.map.bias']!.data[0]!;
          open.data.forEach((weight, unit) => {
            let inner = weights['heads.1.hidden.bias']!.data[unit]!;
            // Only the middle of a 3 x 3 kernel meets the one pixel.
            for (let c = 0; c < channels; c++)
              inner += hidden.data[(unit * channels + c) * 9 + 4]! * x.data[b * channels + c]!;
            logit += weight * Math.max(0, inner);
          });
          return 1 / (1 + Math.exp(-logit));
        });
        const gated = mapped(x, (value, at) => value * map.data[Math.floor(at / channels)]!);
        return { map1: map, gated1: reshaped(gated, x.shape) };
      },
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal numbers as image and features: no structure to find.',
      draw: normalSample,
    },
    {
      id: 'ellipses',
      title: 'Two ellipses with a blob',
      description:
        'Two bright ellipses as of a chest picture, a blob inside the left one and two outside; the features of all scales carry the same image.',
      draw: ellipseSample,
    },
  ],
  pictures: ({ inputs, weights }, outputs, parameters) => gatePictures(inputs, weights, outputs, parameters),
};

/** The last layer of every head 0, with this bias. */
function withBias(
  weights: Parameters<typeof gateFold>[0],
  parameters: GateParameters,
  bias: number,
): Parameters<typeof gateFold>[0] {
  const set = (name: string, value: number) => [name, mapped(weights[name]!, () => value)] as const;
  return {
    ...weights,
    ...Object.fromEntries(
      headsOf(parameters).flatMap(({ name }) => [set(`${name}.map.weight`, 0), set(`${name}.map.bias`, bias)]),
    ),
  };
}
