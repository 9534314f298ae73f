/** RCMHA's attention with its projections and the names of its repository (definition.ts). */
import { add } from '../../graph/operators/elementwise';
import { biasedAttention, biasedPairs } from '../../graph/biased-tiles';
import { concat, gatherRange, reshape, transpose } from '../../graph/operators/layout';
import type { Value } from '../../graph/records';
import { convolvedValues, relativeAttention as attended } from '../../mechanisms/rcmha/graph';
import type { Module, ModuleGraph } from '../../module';
import { normalInputs } from '../../module-parts/draw';
import { linearLayer } from '../../module-parts/graph';
import { joinHeads, linear, softmax, splitHeads, mapped, matrixProduct, turned } from '../../module-parts/layers';
import { tokensInput, tokensOutput } from '../../module-parts/token-ports';
import { parameterCount, weightOf } from '../../module-parts/weights';
import { normalTensor, seedFor } from '../../tensors/random';
import {
  linearName,
  mechanismOf,
  projections,
  relativeReference,
  relativeWeights,
  shapeOf,
  type Projection,
  type RelativeParameters,
} from './definition';
import { relativePictures } from './pictures';
import * as field from '../../parameters';

const integer = (title: string, description: string, max: number, preset: number, min = 1) =>
  field.integer(title, description, { min, max, default: preset });
const flag = (title: string, description: string) => field.flag(title, description, true);

export const relativeAttention: Module<RelativeParameters> = {
  id: 'relative-attention',
  title: 'Relative convolutional attention (RCMHA)',
  kind: 'attention',
  summary:
    'Causal attention whose queries, keys and values are mixed with their predecessors by a short convolution, with a learned vector and number for each distance added to the scores. For small models whose tokens are letters or word pieces.',
  source: {
    reference: 'arXiv:2308.03429; rcmha/attention.py of hermansh-id/rcmha (87df49b)',
    trust: 'medium',
    note: 'Names and shapes are those of the class RelativeMultiHeadAttention; without the convolution, a projection is `query.linear`, as in its base class. E, β and u start as zeros there and are drawn here, so that a proof sees them. More tokens than the largest distance are refused: the code would read a shorter table without a word.',
  },
  parameters: {
    tokens: integer('Tokens', 'n, of each sequence.', 8192, 64),
    memory: integer('Memory', 'Tokens before them that are read and give no output.', 8192, 0, 0),
    width: integer('Width', 'D, of a token.', 1024, 128),
    heads: integer('Heads', 'Each of width D / heads.', 64, 8),
    convolution: flag(
      'Convolution',
      'Off gives RMHA, relative attention alone; with the relative terms off too, plain attention.',
    ),
    relative: flag('Relative terms', 'Off gives MDHA (Primer), the convolution alone.'),
    kernel: integer('Kernel size', 'Positions that a convolution reads: the own one and those before it.', 64, 3),
    maxDistance: integer('Largest distance', 'P: the tables have 2 P rows; 4096 as published.', 1 << 15, 4096),
    batch: integer('Batch', 'Sequences in a call.', 64, 1),
  },
  refuse({ width, heads, tokens, memory, relative, maxDistance }) {
    if (width % heads > 0) return `A width of ${width} is not shared evenly by ${heads} heads: choose a multiple.`;
    if (relative && tokens + memory > maxDistance) {
      return `The tables reach ${maxDistance} positions back, and there are ${tokens + memory}: choose a larger distance or fewer tokens.`;
    }
    return undefined;
  },
  inputs: ({ batch, tokens, memory, width }) => [
    tokensInput({ batch, tokens, width }, 'after the norm of the layer'),
    ...(memory > 0
      ? [
          {
            name: 'memory',
            kind: 'tokens',
            title: 'Memory',
            description: '[batch, memory, width]: earlier inputs of the layer, after its norm',
            shape: [batch, memory, width],
          } as const,
        ]
      : []),
  ],
  outputs: (size) => [tokensOutput(size)],
  weights: relativeWeights,
  parametersOf(shapeIn) {
    const width = shapeIn('output.weight')?.[0];
    const table = shapeIn('key_pos_bias');
    const kernel = shapeIn('query.1.conv.weight');
    const d = kernel?.[0];
    return {
      ...(width === undefined ? {} : { width }),
      ...(table ? { maxDistance: table[0]! / 2, heads: table[1]! } : width && d ? { heads: width / d } : {}),
      ...(kernel ? { kernel: kernel[2]! } : {}),
      relative: table !== undefined,
      convolution: kernel !== undefined,
    };
  },
  reference: (call, parameters) => ({ output: relativeReference(call, parameters) }),
  build: (graph, parameters) => ({ output: relativeGraph(graph, parameters) }),
  cost(parameters) {
    const { batch, tokens: n, memory, width, heads, kernel, convolution, relative } = parameters;
    const m = n + memory;
    const { pairs } = biasedPairs(shapeOf(parameters));
    const multiplyAdds = batch * (width * width * (2 * n + 2 * m) + pairs * width * (relative ? 3 : 2));
    const numbers = convolution ? batch * width * (n + 2 * m) : 0;
    const count = parameterCount(relativeWeights(parameters));
    return {
      multiplyAdds,
      // Softmax, and scale and sums of the relative terms, for each score of a tile.
      flops: 2 * multiplyAdds + 2 * kernel * numbers + batch * heads * pairs * (relative ? 8 : 5),
      bytes: 4 * (count + batch * width * (4 * n + 4 * m) + numbers * (2 * kernel + 2) + batch * heads * pairs * 8),
      parameters: count,
    };
  },
  depth: () => 3,
  growth: {
    of: 'tokens',
    sizes: [2048, 4096, 8192].map((tokens) => ({ tokens, width: 64, heads: 4, maxDistance: 8192 })),
    size: ({ tokens }) => tokens,
    exponent: 2,
  },
  plain: ({ batch, tokens, memory, width, heads }) => ({
    batch,
    queries: tokens,
    keys: tokens + memory,
    width,
    heads,
  }),
  limits: [
    {
      name: 'neither convolution nor relative terms: causal attention with its projections',
      parameters: { tokens: 5, width: 6, heads: 2, convolution: false, relative: false, batch: 2, memory: 0 },
      equals({ inputs, weights }, { tokens, width, heads }) {
        const layer = (name: string) =>
          splitHeads(
            linear(inputs['x']!, weightOf(weights, `${name}.linear.weight`), weights[`${name}.linear.bias`]),
            heads,
          );
        const products = matrixProduct(layer('query'), turned(layer('key')));
        const scores = mapped(products, (score, at) =>
          at % tokens <= Math.floor(at / tokens) % tokens ? score / Math.sqrt(width / heads) : -Infinity,
        );
        const read = joinHeads(matrixProduct(softmax(scores), layer('value')));
        return { output: linear(read, weightOf(weights, 'output.weight'), weights['output.bias']) };
      },
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal tokens, each by itself: what the pictures show comes from the weights.',
      draw: (parameters, seed) =>
        normalInputs({ inputs: () => relativeAttention.inputs(parameters) }, parameters, seed),
    },
    {
      id: 'repeated',
      title: 'A sequence of four tokens, again and again',
      description: 'Four normal rows in turn: content alone gives weights of period 4.',
      draw: (parameters, seed) => {
        const { width } = parameters;
        const few = normalTensor([4, width], seedFor(seed, 'four'));
        const drawn = relativeAttention.samples[0].draw(parameters, seed);
        return Object.fromEntries(
          Object.entries(drawn).map(([name, x]) => [
            name,
            mapped(x, (_, at) => few.data[(Math.floor(at / width) % 4) * width + (at % width)]!),
          ]),
        );
      },
    },
  ],
  pictures: (call, _outputs, parameters) => relativePictures(call, parameters),
};

/** [b, n, D]. */
export function relativeGraph(graph: ModuleGraph, parameters: RelativeParameters): Value {
  const { batch, tokens, memory, width, heads, convolution, relative, maxDistance } = parameters;
  const shape = shapeOf(parameters);
  const x = graph.input('x');
  const context = memory > 0 ? concat([graph.input('memory'), x], 1) : x;
  const made = (name: Projection): Value => {
    const layer = linearName(name, parameters);
    const of = name === 'query' ? x : context;
    const bias = name === 'value' ? graph.weight(`${layer}.bias`) : undefined;
    const projection = linearLayer(of, graph.weight(`${layer}.weight`), bias);
    return transpose(reshape(projection, [batch, Number(of.shape[1]), heads, width / heads]), [0, 2, 1, 3]);
  };
  const mechanism = mechanismOf(parameters);
  const kernels = convolution
    ? Object.fromEntries(
        projections.flatMap((name) =>
          (['weight', 'bias'] as const).map((part) => [
            `convolution.${name}.${part}`,
            graph.weight(`${name}.1.conv.${part}`),
          ]),
        ),
      )
    : {};
  const values = convolvedValues({ query: made('query'), key: made('key'), value: made('value') }, mechanism, kernels);
  let read: Value;
  if (relative) {
    // Only the rows of distances that occur: the published tables have 8192.
    const keys = tokens + memory;
    const cut = (name: string): Value => gatherRange(graph.weight(name), 0, maxDistance + 1 - keys, maxDistance + 1);
    read = attended(
      values,
      shape,
      { ...mechanism, maxDistance: keys - 1 },
      {
        'position.key': transpose(cut('key_pos_embeddings'), [1, 0, 2]),
        'position.bias': transpose(cut('key_pos_bias'), [1, 0]),
        'query.bias': graph.weight('query_pos_bias'),
      },
    );
  } else {
    read = biasedAttention(values, shape, (scores) => scores);
  }
  const joined = reshape(transpose(read, [0, 2, 1, 3]), [batch, tokens, width]);
  return add(linearLayer(joined, graph.weight('output.weight')), graph.weight('output.bias'));
}
