/**
 * ConvFormer: 2-D joints of T frames to the 3-D pose of the middle frame. Joints to d features and positions, spatial blocks over the
 * joints of each frame, positions of frames, temporal blocks over the frames of J d features, a linear layer to 3 J numbers, and a
 * weighted sum over frames (a convolution with T input channels and kernel 1).
 */
import { add } from '../../graph/operators/elementwise';
import { reshape } from '../../graph/operators/layout';
import { fusedMatmul } from '../../graph/operators/matrix';
import type { Value } from '../../graph/records';
import type { Module, ModuleWeight, Tensors } from '../../module';
import { inside, linearLayer } from '../../module-parts/graph';
import { linear, reshaped } from '../../module-parts/layers';
import { headsFor } from '../../module-parts/plain-attention';
import {
  behind,
  behindTensors,
  evenly,
  linearWeights,
  parameterCount,
  under,
  weightOf,
} from '../../module-parts/weights';
import { normalTensor } from '../../tensors/random';
import { zeros, type Tensor } from '../../tensors/tensor';
import { kernelSets, kernelsOf, type AttentionSize } from './attention';
import {
  blockGraph,
  blockMultiplyAdds,
  blockOthers,
  blockReference,
  blockTraffic,
  blockWeights,
  fusedBlock,
} from './block';
import { networkPictures } from './network-pictures';
import { joints, projectedTo2d, walker } from './skeleton';
import * as field from '../../parameters';

export interface Parameters extends Record<string, number | string | boolean> {
  readonly frames: number;
  readonly channels: number;
  readonly heads: number;
  readonly kernels: string;
  readonly spatialBlocks: number;
  readonly temporalBlocks: number;
  readonly fuse: boolean;
  readonly batch: number;
}

const count = joints.length;

interface Block {
  /** Before the names of its weights. */
  readonly prefix: string;
  readonly size: AttentionSize;
}

function blocksOf(parameters: Parameters): {
  readonly spatial: readonly Block[];
  readonly temporal: readonly Block[];
} {
  const { frames, channels, heads, spatialBlocks, temporalBlocks } = parameters;
  const shared = { heads, kernels: kernelsOf(parameters.kernels), depthwise: false };
  const spatial = { ...shared, axis: 'spatial', tokens: count, channels };
  const temporal = { ...shared, axis: 'temporal', tokens: frames, channels: count * channels };
  const blocks = (name: string, length: number, size: AttentionSize): readonly Block[] =>
    Array.from({ length }, (_, at) => ({ prefix: `${name}.${at}.`, size }));
  return {
    spatial: blocks('spatial_blocks', spatialBlocks, spatial),
    temporal: blocks('temporal_blocks', temporalBlocks, temporal),
  };
}

function networkWeights(parameters: Parameters): readonly ModuleWeight[] {
  const { frames, channels } = parameters;
  const { spatial, temporal } = blocksOf(parameters);
  const width = count * channels;
  return [
    ...linearWeights('patch_embed', channels, 2),
    { name: 'spatial_pos_embed', shape: [1, count, channels], initial: { kind: 'normal', deviation: 0.2 } },
    ...spatial.flatMap(({ prefix, size }) => behind(prefix, blockWeights(size))),
    { name: 'temporal_pos_embed', shape: [1, frames, width], initial: { kind: 'normal', deviation: 0.2 } },
    ...temporal.flatMap(({ prefix, size }) => behind(prefix, blockWeights(size))),
    ...linearWeights('head', 3 * count, width),
    { name: 'weighted_mean.weight', shape: [1, frames, 1], initial: evenly(frames) },
    { name: 'weighted_mean.bias', shape: [1], initial: { kind: 'normal', deviation: 0.1 } },
  ];
}

const withPositions = (x: Tensor, positions: Tensor): Tensor => ({
  shape: x.shape,
  data: x.data.map((value, at) => value + positions.data[at % positions.data.length]!),
});

/** Output [b, J, 3] and the maps of every block, [b T, h, J, J] and [b, h, T, T]. */
function networkReference(x: Tensor, weights: Tensors, parameters: Parameters) {
  const { frames, channels, batch } = parameters;
  const { spatial, temporal } = blocksOf(parameters);
  const maps: { readonly prefix: string; readonly map: Tensor }[] = [];
  const through = (start: Tensor, blocks: readonly Block[]): Tensor =>
    blocks.reduce((z, { prefix, size }) => {
      const { output, map } = blockReference(z, under(weights, prefix), size);
      maps.push({ prefix, map });
      return output;
    }, start);
  const points = reshaped(x, [batch * frames, count, 2]);
  const embedded = linear(points, weightOf(weights, 'patch_embed.weight'), weightOf(weights, 'patch_embed.bias'));
  const posed = through(withPositions(embedded, weightOf(weights, 'spatial_pos_embed')), spatial);
  const flat = reshaped(posed, [batch, frames, count * channels]);
  const timed = through(withPositions(flat, weightOf(weights, 'temporal_pos_embed')), temporal);
  const lifted = linear(timed, weightOf(weights, 'head.weight'), weightOf(weights, 'head.bias'));
  const [shares, offset] = [weightOf(weights, 'weighted_mean.weight'), weightOf(weights, 'weighted_mean.bias')];
  const output = zeros([batch, count, 3]);
  output.data.fill(offset.data[0]!);
  lifted.data.forEach((value, at) => {
    const [frame, place] = [Math.floor(at / (3 * count)), at % (3 * count)];
    output.data[Math.floor(frame / frames) * 3 * count + place]! += shares.data[frame % frames]! * value;
  });
  return { output, maps };
}

export const convformer: Module<Parameters> = {
  id: 'convformer',
  title: 'ConvFormer (3-D human pose)',
  kind: 'network',
  summary:
    'Lifts the 2-D joints of a few frames to the 3-D pose of the middle one, by convolutional attention over the joints of a frame and then over frames. It has few parameters for short clips; the temporal kernels grow with the square of the frames.',
  source: {
    reference: 'arXiv:2304.02147',
    trust: 'medium',
    note: 'No code or weights are published: names of weights are those of this module. The MLP widens by 2 and no linear layer follows the attention: so the published parameter counts come out within 1.5 %. The temporal kernels tie the weights to one number of frames.',
  },
  parameters: {
    frames: field.integer('Frames', '9 to 243 as published.', { min: 1, max: 243, default: 27 }),
    channels: field.integer('Features of a joint', '32 as published.', { min: 1, max: 64, default: 32 }),
    heads: field.integer('Heads', '8 as published.', { min: 1, max: 16, default: 8 }),
    kernels: field.choice('Kernel sizes', 'Of each of Q, K and V; 7,7,7 as published.', {
      options: kernelSets,
      default: '7,7,7',
    }),
    spatialBlocks: field.integer('Spatial blocks', '2 as published.', { min: 0, max: 8, default: 2 }),
    temporalBlocks: field.integer('Temporal blocks', '2 as published.', { min: 0, max: 8, default: 2 }),
    fuse: field.flag(
      'Fused kernels',
      'Sums the kernels before the run: one convolution of the largest size, with the same output.',
      true,
    ),
    batch: field.integer('Batch', 'Clips in a call.', { min: 1, max: 64, default: 1 }),
  },
  refuse: ({ channels, heads }) =>
    channels % heads === 0 ? undefined : `${channels} features do not divide into ${heads} heads.`,
  inputs: ({ batch, frames }) => [
    {
      name: 'joints',
      kind: 'tokens',
      title: 'Joints in 2-D',
      description: '[batch, frames, 34]: x and y of 17 joints in the order of Human3.6M, for each frame',
      shape: [batch, frames, 2 * count],
    },
  ],
  outputs: ({ batch }) => [
    {
      name: 'output',
      title: 'Pose in 3-D',
      description: '[batch, 17, 3] of the middle frame',
      shape: [batch, count, 3],
    },
  ],
  weights: networkWeights,
  parametersOf(shapeOf) {
    const [frames, channels] = [shapeOf('temporal_pos_embed')?.[1], shapeOf('patch_embed.weight')?.[0]];
    if (frames === undefined || channels === undefined) return {};
    const length = (name: string): number =>
      Array.from({ length: 64 }, (_, at) => at).find((at) => !shapeOf(`${name}.${at}.norm1.weight`)) ?? 0;
    const [spatialBlocks, temporalBlocks] = [length('spatial_blocks'), length('temporal_blocks')];
    const block = spatialBlocks > 0 ? 'spatial_blocks.0' : 'temporal_blocks.0';
    const sizes = Array.from(
      { length: shapeOf(`${block}.attn.eta`)?.[1] ?? 0 },
      (_, i) => shapeOf(`${block}.attn.q.${i}.weight`)?.[2],
    );
    const kernels = kernelSets.find((each) => each === sizes.join(','));
    return { frames, channels, spatialBlocks, temporalBlocks, ...(kernels === undefined ? {} : { kernels }) };
  },
  fold(weights, parameters) {
    if (!parameters.fuse) return weights;
    const { spatial, temporal } = blocksOf(parameters);
    const blocks = [...spatial, ...temporal];
    const outside = Object.entries(weights).filter(([name]) => !blocks.some(({ prefix }) => name.startsWith(prefix)));
    return Object.assign(
      Object.fromEntries(outside),
      ...blocks.map(({ prefix, size }) => behindTensors(prefix, fusedBlock(under(weights, prefix), size))),
    ) as Tensors;
  },
  reference: ({ inputs, weights }, parameters) => ({
    output: networkReference(inputs['joints']!, weights, parameters).output,
  }),
  build(graph, parameters) {
    const { frames, channels, batch, fuse } = parameters;
    const { spatial, temporal } = blocksOf(parameters);
    const through = (start: Value, blocks: readonly Block[]): Value =>
      blocks.reduce((z, { prefix, size }) => blockGraph(inside(graph, prefix), z, size, fuse), start);
    const points = reshape(graph.input('joints'), [batch * frames, count, 2]);
    const embedded = linearLayer(points, graph.weight('patch_embed.weight'), graph.weight('patch_embed.bias'));
    const posed = through(add(embedded, graph.weight('spatial_pos_embed')), spatial);
    const flat = reshape(posed, [batch, frames, count * channels]);
    const timed = through(add(flat, graph.weight('temporal_pos_embed')), temporal);
    // Both layers are linear: the sum over frames comes first, which leaves one frame to project.
    const shares = reshape(graph.weight('weighted_mean.weight'), [1, 1, frames]);
    const mean = fusedMatmul(shares, timed);
    const projected = fusedMatmul(mean, graph.weight('head.weight'), { transposeB: true });
    const total = fusedMatmul(
      reshape(shares, [1, frames]),
      graph.constant([frames, 1], new Float64Array(frames).fill(1)),
    );
    const offset = fusedMatmul(total, reshape(graph.weight('head.bias'), [1, 3 * count]));
    return {
      output: reshape(add(add(projected, offset), graph.weight('weighted_mean.bias')), [batch, count, 3]),
    };
  },
  cost(parameters) {
    const { batch, frames, channels, fuse } = parameters;
    const { spatial, temporal } = blocksOf(parameters);
    const width = count * channels;
    const all = (of: (size: AttentionSize, fused: boolean) => number): number =>
      spatial.reduce((total, { size }) => total + frames * of(size, fuse), 0) +
      temporal.reduce((total, { size }) => total + of(size, fuse), 0);
    const learned = parameterCount(networkWeights(parameters));
    const multiplyAdds =
      batch * (2 * frames * width + all(blockMultiplyAdds) + frames * width + 3 * count * width) + frames + 3 * count;
    return {
      multiplyAdds,
      flops: 2 * multiplyAdds + batch * (all(blockOthers) + 2 * frames * width),
      bytes: 4 * (learned + batch * (all(blockTraffic) + frames * (2 * count + 6 * width) + 3 * count)),
      parameters: learned,
    };
  },
  depth: () => 4,
  growth: {
    of: 'frames',
    sizes: [81, 121, 161].map((frames) => ({ frames, channels: 8, heads: 8, spatialBlocks: 0, kernels: '7,7,7' })),
    size: ({ frames }) => frames,
    exponent: 1.8,
  },
  plain: ({ batch, frames, channels }) => ({
    batch,
    queries: frames,
    keys: frames,
    width: count * channels,
    heads: headsFor(count * channels),
  }),
  limits: [],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal numbers in place of joints.',
      draw: ({ batch, frames }, seed) => ({ joints: normalTensor([batch, frames, 2 * count], seed) }),
    },
    {
      id: 'walker',
      title: 'A walking stick figure',
      description:
        'Joints of a figure that walks, seen by a camera: arms and legs swing with a period of 24 to 40 frames.',
      draw: ({ batch, frames }, seed) => ({ joints: projectedTo2d(walker(batch, frames, seed)) }),
    },
  ],
  pictures: ({ inputs, weights }, outputs, parameters) =>
    networkPictures({
      parameters,
      weights,
      seen: inputs['joints']!,
      pose: outputs['output']!,
      maps: networkReference(inputs['joints']!, weights, parameters).maps,
      blocks: blocksOf(parameters),
      parametersAt: (frames) => parameterCount(networkWeights({ ...parameters, frames })),
    }),
};
