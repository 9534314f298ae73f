/** The memory read of M3C: hard or soft attention over units of an external memory, with an extra hop over links between units. */
import type { Module, ModuleInput } from '../../module';
import { attention, mapped, reshaped } from '../../module-parts/layers';
import { headsFor } from '../../module-parts/plain-attention';
import { normalTensor, random, seedFor } from '../../tensors/random';
import { zeros, type Tensor } from '../../tensors/tensor';
import { memoryPictures } from './pictures';
import { asNumbers, readGraph, readMemory, readMultiplyAdds, type Reading } from './read';
import * as field from '../../parameters';

interface Parameters extends Record<string, number | string | boolean>, Reading {
  readonly queries: number;
  readonly units: number;
  readonly width: number;
  readonly tokens: number;
  readonly valueWidth: number;
  readonly batch: number;
}

const inputsOf = ({ batch, queries, units, width, tokens, valueWidth }: Parameters): readonly ModuleInput[] => [
  {
    name: 'query',
    kind: 'tokens',
    title: 'Contexts',
    description: '[batch, queries, width]: what is asked',
    shape: [batch, queries, width],
  },
  {
    name: 'keys',
    kind: 'tokens',
    title: 'Keys of the memory',
    description: '[batch, units, width]: one for each unit',
    shape: [batch, units, width],
  },
  {
    name: 'values',
    kind: 'regions',
    title: 'Tokens of the memory',
    description: '[batch, units, tokens, value width]: what is read of each unit',
    shape: [batch, units, tokens, valueWidth],
  },
  {
    name: 'there',
    kind: 'mask',
    title: 'Units that may be read',
    description: '[batch, units]: 0 for padding and for units of the running or a later session',
    shape: [batch, units],
  },
  {
    name: 'links',
    kind: 'mask',
    title: 'Links',
    description: '[batch, units, units]: 1 where the row leads to the column; read where the share of links is above 0',
    shape: [batch, units, units],
  },
];

const outputShape = ({ batch, queries, k, tokens, valueWidth, read }: Parameters): readonly number[] =>
  read === 'hard' ? [batch, queries, k, tokens, valueWidth] : [batch, queries, tokens, valueWidth];

const ones = (shape: readonly number[]): Tensor => mapped(zeros(shape), () => 1);

/** Unit j leads to the next one, and the last to the first. */
function chain(batch: number, units: number): Tensor {
  const links = zeros([batch, units, units]);
  for (let b = 0; b < batch; b++) {
    for (let j = 0; j < units; j++) if (units > 1) links.data[(b * units + j) * units + ((j + 1) % units)] = 1;
  }
  return links;
}

const normalCall = ({ batch, queries, units, width, tokens, valueWidth }: Parameters, seed: number) => ({
  query: normalTensor([batch, queries, width], seedFor(seed, 'query')),
  keys: normalTensor([batch, units, width], seedFor(seed, 'keys')),
  values: normalTensor([batch, units, tokens, valueWidth], seedFor(seed, 'values')),
  there: ones([batch, units]),
  links: chain(batch, units),
});

/** Query i is unit i (from the first, over and over) with a little noise. */
function sessions(parameters: Parameters, seed: number) {
  const drawn = normalCall(parameters, seed);
  const { batch, queries, units, width } = parameters;
  const source = random(seedFor(seed, 'noise'));
  const query = mapped(drawn.query, (_, at) => {
    const [row, c] = [Math.floor(at / width), at % width];
    const from = Math.floor(row / queries) * units + ((row % queries) % units);
    return Math.fround(drawn.keys.data[from * width + c]! + 0.5 * source.normal());
  });
  // The last unit was written in the session that asks.
  const there = mapped(zeros([batch, units]), (_, at) => (units > 1 && at % units === units - 1 ? 0 : 1));
  return { ...drawn, query, there };
}

export const memoryRead: Module<Parameters> = {
  id: 'memory-read',
  title: 'Memory read (M3C)',
  kind: 'attention',
  summary:
    'Attention over units of an external memory by one key each: the best units are read, or their weighted sum, and links between units can carry the read one hop further. It pays when the history is long and few of its units matter.',
  source: {
    reference: 'arXiv:2506.00421 (retrieval module: cosine, top 1)',
    trust: 'low',
    note: 'The paper reads the unit of the highest cosine and puts it, with its links, into the prompt. Softmax weights with beta, the k largest divided by their sum, the hop w + eta w L and the null unit are choices of this project; there are no learned numbers.',
  },
  parameters: {
    queries: field.integer('Queries', 'Contexts that ask.', { min: 1, max: 256, default: 8 }),
    units: field.integer('Units', 'M, units of the memory: about 6 to 12 in an episode.', {
      min: 1,
      max: 1024,
      default: 12,
    }),
    width: field.integer('Width of a key', 'Numbers of a query and a key.', { min: 1, max: 1024, default: 256 }),
    tokens: field.integer('Tokens of a unit', 's, tokens that are read of a unit.', { min: 1, max: 128, default: 16 }),
    valueWidth: field.integer('Width of a token', 'Numbers of a token that is read.', {
      min: 1,
      max: 1024,
      default: 256,
    }),
    k: field.integer('Units read', 'The k largest weights are read; as published 1.', {
      min: 1,
      max: 1024,
      default: 1,
    }),
    read: field.choice('Read', 'hard: the tokens of each unit read; soft: their weighted sum.', {
      options: ['hard', 'soft'],
      default: 'hard',
    }),
    similarity: field.choice('Similarity', 'Of a query and a key.', { options: ['cosine', 'dot'], default: 'cosine' }),
    beta: field.number('Beta', 'Factor of the similarities before the softmax.', { min: 0, max: 100, default: 20 }),
    eta: field.number('Share of links', 'Weight of the hop over links, 0 to 1.', { min: 0, max: 1, default: 0 }),
    nullUnit: field.flag('Null unit', 'A unit without tokens, for queries that nothing answers.', false),
    floor: field.number('Similarity of the null unit', 'What a unit must exceed to outweigh it.', {
      min: -1,
      max: 1,
      default: 0.3,
    }),
    batch: field.integer('Batch', 'Episodes in a call.', { min: 1, max: 64, default: 1 }),
  },
  refuse: ({ k, units }) => (k > units ? `There are ${units} units, so at most ${units} can be read.` : undefined),
  inputs: inputsOf,
  outputs: (parameters) => {
    const { batch, queries, k } = parameters;
    return [
      {
        name: 'output',
        title: 'What is read',
        description:
          parameters.read === 'hard'
            ? '[batch, queries, units read, tokens, value width]'
            : '[batch, queries, tokens, value width]',
        shape: outputShape(parameters),
      },
      {
        name: 'weights',
        title: 'Weights',
        description: '[batch, queries, units read], largest first',
        shape: [batch, queries, k],
      },
      {
        name: 'indices',
        title: 'Units read',
        description: '[batch, queries, units read], counted from 0',
        shape: [batch, queries, k],
      },
    ];
  },
  weights: () => [],
  reference({ inputs }, parameters) {
    const { output, weights, indices } = readMemory(inputs, parameters);
    return { output, weights, indices };
  },
  build(graph, parameters) {
    const { output, weights, indices } = readGraph(
      graph,
      {
        query: graph.input('query'),
        keys: graph.input('keys'),
        values: graph.input('values'),
        there: graph.input('there'),
        links: graph.input('links'),
      },
      parameters,
    );
    return { output, weights, indices: asNumbers(indices, weights) };
  },
  cost(parameters) {
    const { batch, queries: n, units, width: d, tokens: s, valueWidth: dv, k, eta, read } = parameters;
    const multiplyAdds = batch * readMultiplyAdds(parameters, parameters);
    const readNumbers = n * k * s * dv;
    return {
      multiplyAdds,
      // Three operations on a number whose length is taken, eight on a weight, one on a number that is read.
      flops: 2 * multiplyAdds + batch * (3 * (n + units) * d + (eta > 0 ? 12 : 8) * n * units + readNumbers),
      // Keys and queries in three passes; similarities, masks, softmax, choice; units once, and what is read of them.
      bytes:
        4 *
        batch *
        (4 * (n + units) * d +
          (eta > 0 ? 20 : 12) * n * units +
          units * units +
          units * s * dv +
          (read === 'hard' ? 4 : 3) * readNumbers +
          n * s * dv +
          8 * n * k),
      parameters: 0,
    };
  },
  depth: () => 3,
  chooses: true,
  growth: {
    of: 'units, of which one is read',
    sizes: [128, 256, 512].map((units) => ({ units, queries: 8, tokens: 1, valueWidth: 16 })),
    size: ({ units }) => units,
    exponent: 1,
  },
  plain: ({ batch, queries, units, tokens, width }) => ({
    batch,
    queries,
    keys: units * tokens,
    width,
    heads: headsFor(width),
  }),
  limits: [
    {
      name: 'all units, soft: attention over keys of length 1 with factor beta',
      parameters: { read: 'soft', eta: 0, k: 5, units: 5, similarity: 'cosine', nullUnit: false },
      equals({ inputs }, { batch, queries, units, tokens, valueWidth, beta }) {
        const directions = (x: Tensor): Tensor => {
          const width = x.shape[2]!;
          const ofRow = (at: number) => {
            const start = at - (at % width);
            return x.data.subarray(start, start + width);
          };
          return reshaped(
            mapped(x, (value, at) => value / Math.hypot(...ofRow(at))),
            [batch, 1, x.shape[1]!, width],
          );
        };
        const { output } = attention(
          directions(inputs['query']!),
          directions(inputs['keys']!),
          reshaped(inputs['values']!, [batch, 1, units, tokens * valueWidth]),
          beta,
        );
        return { output: reshaped(output, [batch, queries, tokens, valueWidth]) };
      },
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal numbers; unit after unit is linked: nothing that answers a query.',
      draw: normalCall,
    },
    {
      id: 'sessions',
      title: 'Queries that ask for units',
      description:
        'Query i is the key of unit i with noise; the last unit is of the running session and must not be read. The map of similarities has a bright diagonal.',
      draw: sessions,
    },
  ],
  pictures: (call, outputs, parameters) => memoryPictures(call.inputs, outputs, parameters),
};
