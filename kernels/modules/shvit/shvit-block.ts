/** One block of the later stages of SHViT (block.ts). */
import type { Module } from '../../module';
import { parameterCount, under } from '../../module-parts/weights';
import { basicBlock, depthwise, type Piece } from './block';
import { attentionPictures } from './pictures';
import { shsa, shsaInside, type ShsaParameters } from './shsa';

const blockOf = (parameters: ShsaParameters): Piece => basicBlock('', parameters.channels, parameters);

export const shvitBlock: Module<ShsaParameters> = {
  id: 'shvit-block',
  title: 'SHViT block',
  kind: 'block',
  summary:
    'A depthwise convolution, single-head attention over the first channels, and a feed-forward layer, each added to what came in. One block of the second or third stage of SHViT, with its published weights where a file has them.',
  source: {
    reference: 'arXiv:2401.16456, section 3.3; BasicBlock in model/shvit.py of github.com/ysj9909/SHViT',
    trust: 'high',
    note: 'Batch norms are folded into their convolutions in the graph, the depthwise residual into its kernel, as `fuse` of the repository does.',
  },
  parameters: shsa.parameters,
  refuse: (parameters) => shsa.refuse?.(parameters),
  inputs: (parameters) => shsa.inputs(parameters),
  outputs: ({ batch, channels, height, width }) => [
    {
      name: 'output',
      title: 'Feature map',
      description: '[batch, channels, height, width]',
      shape: [batch, channels, height, width],
    },
  ],
  weights: (parameters) => blockOf(parameters).weights,
  parametersOf: (shapeOf) => shsa.parametersOf?.((name) => shapeOf(`mixer.m.${name}`)) ?? {},
  fold: (weights, parameters) => blockOf(parameters).fold(weights),
  reference: ({ inputs, weights }, parameters) => ({
    output: blockOf(parameters).reference(inputs['x']!, weights),
  }),
  build: (graph, parameters) => ({ output: blockOf(parameters).build(graph, graph.input('x')) }),
  cost(parameters) {
    const { batch, channels: c, height, width } = parameters;
    const n = height * width;
    const block = blockOf(parameters);
    const count = parameterCount(block.weights);
    const inner = shsa.cost(parameters);
    const multiplyAdds = batch * block.multiplyAdds(n);
    const others = multiplyAdds - inner.multiplyAdds;
    return {
      multiplyAdds,
      flops: inner.flops + 2 * others + batch * n * (2 * c + 2 * c + c),
      // Beside the attention: the convolution, the hidden features written, rectified and read, and two sums.
      bytes: inner.bytes + 4 * (count - inner.parameters + batch * n * c * (2 + 1 + 4 * 2 + 1 + 2 * 3)),
      parameters: count,
    };
  },
  depth: () => 6,
  growth: {
    ...shsa.growth,
    sizes: [80, 104, 128].map((side) => ({ channels: 128, partial: 32, height: side, width: side })),
    exponent: 1.9,
  },
  plain: (parameters) => shsa.plain(parameters),
  limits: [
    {
      name: 'gains and offsets of the last norms 0, as published at the start: the block passes what comes in',
      parameters: {},
      call: ({ inputs, weights }) => ({
        inputs,
        weights: Object.fromEntries(
          Object.entries(weights).map(([name, x]) => [
            name,
            /^(conv\.m|mixer\.m\.proj\.1|ffn\.m\.pw2)\.bn\.(weight|bias)$/.test(name)
              ? { shape: x.shape, data: x.data.map(() => 0) }
              : x,
          ]),
        ),
      }),
      equals: ({ inputs }) => ({ output: inputs['x']! }),
    },
  ],
  samples: shsa.samples,
  pictures: ({ inputs, weights }, _outputs, parameters) => {
    const x = depthwise('conv.m', parameters.channels).reference(inputs['x']!, weights);
    const inner = shsaInside(x, under(weights, 'mixer.m.'), parameters);
    return attentionPictures(inner.weights, inner.before, parameters);
  },
};
