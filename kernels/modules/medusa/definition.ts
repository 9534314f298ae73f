/**
 * One global map for the gates of several scales, after the abstract of MEDUSA. With a grey image a and features F_j [C_j, H_j, W_j]:
 *
 *   A_G = sigmoid(U((a - mean) / deviation)) in (0, 1)^{G x S x S}, U a U-shaped net of four levels;
 *   R_j = A_G at the size of F_j (bilinear); A_j = sigmoid(W'_j relu(W_j * [F_j; R_j] + b_j) + b'_j)^(strength of j);
 *   F^_j = F_j A_j, or F_j (1 + A_j).
 *
 * U halves by 2 x 2 maxima and doubles bilinearly; every level has two 3 x 3 convolutions with batch norm and ReLU each way.
 */
import type { ModuleWeight, Tensors } from '../../module';
import { batchNorm, convolution, joined, mapped, product, relu, sigmoid, sliced, sum } from '../../module-parts/layers';
import { bilinear, halved } from '../../module-parts/resize';
import {
  batchNormOf,
  convolutionNormWeights,
  convolutionWeights,
  foldedPair,
  weightOf,
} from '../../module-parts/weights';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';

export const contexts = ['body', 'mask', 'swapped', 'mean', 'ones', 'none'] as const;

export interface GateParameters extends Record<string, number | string> {
  readonly context: string;
  readonly gate: string;
  readonly form: string;
  readonly scales: number;
  readonly globals: number;
  readonly image: number;
  readonly bodyWidth: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly strength1: number;
  readonly strength2: number;
  readonly strength3: number;
  readonly strength4: number;
  readonly batch: number;
}

export const levels = 4;
/** Below the square of any deviation that a picture has: a blank one gives zeros. */
export const blankVariance = 1e-12;
const pair = { convolution: 'conv', norm: 'bn' } as const;

/** Whether the body looks at the grey image. */
export const hasBody = ({ context }: GateParameters): boolean => ['body', 'swapped', 'mean'].includes(context);
/** Whether the heads read a global map at all. */
export const isShared = ({ context }: GateParameters): boolean => context !== 'none';

export interface Layer {
  readonly name: string;
  readonly out: number;
  readonly inner: number;
  /** Pixels of its output, for one image. */
  readonly pixels: number;
}

/** The 3 x 3 convolutions of the body with batch norm and ReLU, in the order of the computation. */
export function bodyLayers({ bodyWidth, image }: GateParameters): readonly Layer[] {
  const width = (level: number): number => bodyWidth * 2 ** level;
  const at = (name: string, level: number, inner: number): readonly Layer[] => {
    const pixels = (image / 2 ** level) ** 2;
    return [
      { name: `body.${name}${level + 1}.1`, out: width(level), inner, pixels },
      { name: `body.${name}${level + 1}.2`, out: width(level), inner: width(level), pixels },
    ];
  };
  const down = Array.from({ length: levels }, (_, level) => at('down', level, level === 0 ? 1 : width(level - 1)));
  const up = Array.from({ length: levels - 1 }, (_, i) => levels - 2 - i).map((level) =>
    at('up', level, width(level) + width(level + 1)),
  );
  return [...down, ...up].flat();
}

export interface Head {
  /** From 1. */
  readonly scale: number;
  readonly name: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly hidden: number;
  /** Maps that it gives: one, or one for each channel. */
  readonly maps: number;
  readonly strength: number;
}

/** The first scale is the finest; each further one halves it and doubles the channels. */
export const headsOf = (parameters: GateParameters): readonly Head[] =>
  Array.from({ length: parameters.scales }, (_, at) => {
    const channels = parameters.channels * 2 ** at;
    return {
      scale: at + 1,
      name: `heads.${at + 1}`,
      channels,
      height: parameters.height / 2 ** at,
      width: parameters.width / 2 ** at,
      hidden: Math.max(8, Math.floor(channels / 8)),
      maps: parameters.form === 'channels' ? channels : 1,
      strength: parameters[`strength${at + 1}`] as number,
    };
  });

export function gateWeights(parameters: GateParameters): readonly ModuleWeight[] {
  const { globals, bodyWidth } = parameters;
  const body = hasBody(parameters)
    ? [
        ...bodyLayers(parameters).flatMap(({ name, out, inner }) => convolutionNormWeights(name, out, inner, 3, pair)),
        // Larger than elsewhere: drawn numbers then make a map that differs from place to place.
        {
          name: 'body.map.weight',
          shape: [globals, bodyWidth, 1, 1],
          initial: { kind: 'normal', deviation: 4 / Math.sqrt(bodyWidth) },
        } as const,
        { name: 'body.map.bias', shape: [globals], initial: { kind: 'normal', deviation: 0.1 } } as const,
      ]
    : [];
  const heads = headsOf(parameters).flatMap(({ name, channels, hidden, maps }) => [
    ...convolutionWeights(`${name}.hidden`, hidden, channels + (isShared(parameters) ? globals : 0), 3),
    ...convolutionWeights(`${name}.map`, maps, hidden, 1),
  ]);
  return [...body, ...heads];
}

/** Weights that folding leaves as they are. */
const keptWeights = (parameters: GateParameters): readonly ModuleWeight[] =>
  gateWeights(parameters).filter(({ name }) => !/\.(conv|bn)\./.test(name));

/** What the graph reads: a convolution with a bias for each convolution with its batch norm. */
export const foldedWeights = (parameters: GateParameters): readonly ModuleWeight[] => [
  ...(hasBody(parameters) ? bodyLayers(parameters) : []).flatMap(({ name, out, inner }) =>
    convolutionWeights(name, out, inner, 3),
  ),
  ...keptWeights(parameters),
];

export function gateFold(weights: Tensors, parameters: GateParameters): Tensors {
  const kept = keptWeights(parameters);
  return {
    ...Object.fromEntries(
      (hasBody(parameters) ? bodyLayers(parameters) : []).flatMap(({ name }) =>
        Object.entries(foldedPair(weights, name, pair)),
      ),
    ),
    ...Object.fromEntries(kept.map(({ name }) => [name, weightOf(weights, name)])),
  };
}

/** Each image less its mean, over its deviation. */
export function standardised(image: Tensor): Tensor {
  const size = image.data.length / image.shape[0]!;
  const data = image.data.slice();
  for (let from = 0; from < data.length; from += size) {
    const one = data.subarray(from, from + size);
    const mean = one.reduce((total, value) => total + value, 0) / size;
    const variance = one.reduce((total, value) => total + (value - mean) ** 2, 0) / size;
    one.forEach((value, at) => (one[at] = (value - mean) / Math.sqrt(variance + blankVariance)));
  }
  return tensor(image.shape, data);
}

/** A_G of the body, [b, G, S, S]. */
export function bodyMap(image: Tensor, weights: Tensors): Tensor {
  const layer = (x: Tensor, name: string): Tensor =>
    relu(
      batchNorm(
        convolution(x, weightOf(weights, `${name}.conv.weight`), undefined, { padding: 1 }),
        batchNormOf(weights, `${name}.bn`),
      ),
    );
  const twice = (x: Tensor, name: string): Tensor => layer(layer(x, `${name}.1`), `${name}.2`);
  const skips = [twice(standardised(image), 'body.down1')];
  for (let level = 2; level <= levels; level++) skips.push(twice(halved(skips.at(-1)!), `body.down${level}`));
  let x = skips[levels - 1]!;
  for (let level = levels - 1; level >= 1; level--) {
    const skip = skips[level - 1]!;
    const doubled = bilinear(x, skip.shape[2]!, skip.shape[3]!, 'halves');
    x = twice(joined([doubled, skip], 1), `body.up${level}`);
  }
  return sigmoid(convolution(x, weightOf(weights, 'body.map.weight'), weights['body.map.bias']));
}

/** The mean of each map, in its place. */
export function flattened(map: Tensor): Tensor {
  const size = map.shape[2]! * map.shape[3]!;
  const data = map.data.slice();
  for (let from = 0; from < data.length; from += size) {
    const one = data.subarray(from, from + size);
    one.fill(one.reduce((total, value) => total + value, 0) / size);
  }
  return tensor(map.shape, data);
}

/** What the heads read, [b, G, S, S]; undefined: nothing. */
export function contextMap(inputs: Tensors, weights: Tensors, parameters: GateParameters): Tensor | undefined {
  const { context, batch, globals, image } = parameters;
  if (context === 'none') return undefined;
  if (context === 'mask') return inputs['mask']!;
  if (context === 'ones') return mapped(zeros([batch, globals, image, image]), () => 1);
  const map = bodyMap(inputs['image']!, weights);
  if (context === 'mean') return flattened(map);
  if (context === 'swapped') return joined([sliced(map, 0, 1, batch), sliced(map, 0, 0, 1)], 0);
  return map;
}

/** A_j of one scale, [b, 1 or C_j, H_j, W_j]. */
export function scaleMap(features: Tensor, context: Tensor | undefined, weights: Tensors, head: Head): Tensor {
  const read = context ? [features, bilinear(context, head.height, head.width, 'halves')] : [features];
  const hidden = relu(
    convolution(
      joined(read, 1),
      weightOf(weights, `${head.name}.hidden.weight`),
      weightOf(weights, `${head.name}.hidden.bias`),
      { padding: 1 },
    ),
  );
  const logit = convolution(
    hidden,
    weightOf(weights, `${head.name}.map.weight`),
    weightOf(weights, `${head.name}.map.bias`),
  );
  return mapped(sigmoid(logit), (value) => value ** head.strength);
}

/** One map for each channel. */
const spread = (map: Tensor, channels: number): Tensor =>
  map.shape[1] === channels
    ? map
    : joined(
        Array.from({ length: channels }, () => map),
        1,
      );

export function gateReference(inputs: Tensors, weights: Tensors, parameters: GateParameters): Tensors {
  const context = contextMap(inputs, weights, parameters);
  const outputs: Record<string, Tensor> = context ? { global: context } : {};
  for (const head of headsOf(parameters)) {
    const features = inputs[`features${head.scale}`]!;
    const map = scaleMap(features, context, weights, head);
    const gated = product(features, spread(map, head.channels));
    outputs[`map${head.scale}`] = map;
    outputs[`gated${head.scale}`] = parameters.gate === 'residual' ? sum(features, gated) : gated;
  }
  return outputs;
}
