/** Between stages: channels widened fourfold, halved pixels, squeeze-and-excitation, the next width. */
import { convolution as convolve } from '../../graph/operators/convolution';
import { multiply, rectify, sigmoid as sigmoidOf } from '../../graph/operators/elementwise';
import { reduceMean } from '../../graph/operators/reduce';
import { convolution, mapped, relu, sigmoid } from '../../module-parts/layers';
import { convolutionWeights, weightOf } from '../../module-parts/weights';
import { sizeOf, tensor, type Tensor } from '../../tensors/tensor';
import type { Piece } from './block';
import { buildPair, foldPair, pairReference, pairWeights } from './parts';

/** Pixels along one side behind a 3 x 3 convolution of stride 2 with an edge of zeros. */
export const halved = (side: number): number => Math.ceil(side / 2);

/** Width of the squeezed channels: a quarter, in multiples of 8 (`make_divisible` of timm, without its limit). */
const squeezed = (channels: number): number => Math.max(8, Math.floor((channels / 4 + 4) / 8) * 8);

/** Means over all pixels, [b, c, 1, 1]. */
export function pooled(x: Tensor): Tensor {
  const [batch, channels] = x.shape as [number, number];
  const places = sizeOf(x.shape.slice(2));
  const means = new Float64Array(batch * channels);
  x.data.forEach((value, at) => (means[Math.floor(at / places)]! += value / places));
  return tensor([batch, channels, 1, 1], means);
}

export function patchMerging(name: string, inner: number, outer: number, pixelsOut: (n: number) => number): Piece {
  const wide = 4 * inner;
  const narrow = squeezed(wide);
  const [first, second, third] = ['conv1', 'conv2', 'conv3'].map((part) => `${name}.${part}`) as [
    string,
    string,
    string,
  ];
  const excite = (x: Tensor, weight: (name: string) => Tensor): Tensor => {
    const hidden = relu(convolution(pooled(x), weight('fc1.weight'), weight('fc1.bias')));
    const gate = sigmoid(convolution(hidden, weight('fc2.weight'), weight('fc2.bias')));
    const channels = x.shape[1]!;
    const places = sizeOf(x.shape.slice(2));
    return mapped(x, (value, at) => {
      const channel = Math.floor(at / places) % channels;
      return value * gate.data[Math.floor(at / (places * channels)) * channels + channel]!;
    });
  };
  return {
    weights: [
      ...pairWeights(first, wide, inner),
      ...pairWeights(second, wide, 1, 3),
      ...convolutionWeights(`${name}.se.fc1`, narrow, wide, 1),
      ...convolutionWeights(`${name}.se.fc2`, wide, narrow, 1),
      ...pairWeights(third, outer, wide),
    ],
    fold: (weights) => ({
      ...foldPair(weights, first),
      ...foldPair(weights, second),
      ...foldPair(weights, third),
      ...Object.fromEntries(
        ['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias'].map((part) => [
          `${name}.se.${part}`,
          weightOf(weights, `${name}.se.${part}`),
        ]),
      ),
    }),
    reference(x, weights) {
      const widened = relu(pairReference(x, weights, first));
      const reduced = relu(pairReference(widened, weights, second, { stride: 2, padding: 1, groups: wide }));
      const excited = excite(reduced, (part) => weightOf(weights, `${name}.se.${part}`));
      return pairReference(excited, weights, third);
    },
    build(graph, x) {
      const widened = rectify(buildPair(graph, x, first));
      const reduced = rectify(buildPair(graph, widened, second, { stride: 2, padding: 1, groups: wide }));
      const layer = (of: typeof x, part: string) =>
        convolve(of, graph.weight(`${name}.se.${part}.weight`), graph.weight(`${name}.se.${part}.bias`));
      const gate = sigmoidOf(layer(rectify(layer(reduceMean(reduced, [2, 3]), 'fc1')), 'fc2'));
      return buildPair(graph, multiply(reduced, gate), third);
    },
    multiplyAdds: (n) => n * inner * wide + pixelsOut(n) * (9 * wide + wide * outer) + 2 * wide * narrow,
  };
}
