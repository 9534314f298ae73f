/** Self-attention with learned keys and values before those of the tokens: prefix tuning, and the prompts of MULTI-LANE (parts.ts). */
import type { Module, ModuleWeight } from '../../module';
import { reshaped, sliced } from '../../module-parts/layers';
import { rowsOf } from '../../module-parts/pictures';
import { headsFor, plainReference } from '../../module-parts/plain-attention';
import { tokensInput, tokensOutput } from '../../module-parts/token-ports';
import { linearWeights, parameterCount, weightOf } from '../../module-parts/weights';
import { normalTensor } from '../../tensors/random';
import type { Tensor } from '../../tensors/tensor';
import { prefixAttention, prefixGraph } from './parts';
import * as field from '../../parameters';

interface Parameters extends Record<string, number> {
  readonly tokens: number;
  readonly width: number;
  readonly heads: number;
  readonly prompts: number;
  readonly batch: number;
}

/** Those of one task: the published `prompts` hold [2, tasks, p, heads, d]. */
const weightsOf = ({ width, heads, prompts }: Parameters): readonly ModuleWeight[] => [
  ...linearWeights('qkv', 3 * width, width),
  ...linearWeights('proj', width, width),
  ...(prompts > 0
    ? [
        {
          name: 'prompts',
          shape: [2, 1, prompts, heads, width / heads],
          initial: { kind: 'normal', deviation: 1 },
        } as const,
      ]
    : []),
];

const rowsOfPrompts = (prompts: Tensor | undefined): Tensor | undefined =>
  prompts && reshaped(prompts, [2, ...prompts.shape.slice(2)]);

export const prefixAttentionModule: Module<Parameters> = {
  id: 'prefix-attention',
  title: 'Prefix-prompt attention',
  kind: 'attention',
  summary:
    'Multi-head self-attention with p learned keys and values before those of the tokens. A frozen layer is steered for a task by those rows alone, at the cost of p more keys.',
  source: {
    reference: 'arXiv:2405.15633, arXiv:2101.00190; multi_lane/blocks.py of github.com/tdemin16/multi-lane',
    trust: 'high',
    note: 'Prompts are those of one task. They are keys and values themselves: no projection reads them.',
  },
  parameters: {
    tokens: field.integer('Tokens', '21 in a pathway of MULTI-LANE.', { min: 1, max: 4096, default: 21 }),
    width: field.integer('Width', 'C; 768 as published.', { min: 1, max: 1024, default: 768 }),
    heads: field.integer('Heads', '12 as published.', { min: 1, max: 32, default: 12 }),
    prompts: field.integer('Prompts', 'p; 20 as published, 0 for plain attention.', { min: 0, max: 256, default: 20 }),
    batch: field.integer('Batch', 'Sets of tokens in a call.', { min: 1, max: 64, default: 1 }),
  },
  refuse: ({ width, heads }) =>
    width % heads === 0 ? undefined : `${width} features do not divide into ${heads} heads.`,
  inputs: (size) => [tokensInput(size)],
  outputs: (size) => [tokensOutput(size, 'Mixed tokens')],
  weights: weightsOf,
  parametersOf(shapeOf) {
    const [qkv, prompts] = [shapeOf('qkv.weight'), shapeOf('prompts')];
    if (!qkv) return {};
    return { width: qkv[1]!, prompts: prompts?.[2] ?? 0, ...(prompts ? { heads: prompts[3]! } : {}) };
  },
  reference: ({ inputs, weights }, { heads }) => ({
    output: prefixAttention(inputs['x']!, weights, heads, rowsOfPrompts(weights['prompts'])).output,
  }),
  build: (graph, { heads, prompts }) => ({
    output: prefixGraph(graph, graph.input('x'), heads, prompts > 0 ? graph.weight('prompts') : undefined),
  }),
  cost(parameters) {
    const { batch, tokens: n, width: c, heads, prompts: p } = parameters;
    const multiplyAdds = batch * (4 * n * c * c + 2 * n * (n + p) * c);
    const count = parameterCount(weightsOf(parameters));
    return {
      multiplyAdds,
      flops: 2 * multiplyAdds + 5 * batch * heads * n * (n + p),
      bytes: 4 * (count + batch * (9 * n * c + 4 * p * c + 4 * heads * n * (n + p))),
      parameters: count,
    };
  },
  depth: () => 2,
  growth: {
    of: 'tokens',
    sizes: [512, 768, 1024].map((tokens) => ({ tokens, width: 64, heads: 2, prompts: 4 })),
    size: ({ tokens }) => tokens,
    exponent: 1.8,
  },
  plain: ({ batch, tokens, width }) => ({ batch, queries: tokens, keys: tokens, width, heads: headsFor(width) }),
  limits: [
    {
      name: 'no prompts: multi-head attention',
      parameters: { tokens: 5, width: 6, heads: 2, prompts: 0, batch: 2 },
      equals({ inputs, weights }, { batch, tokens, width, heads }) {
        const part = (name: string, at: number): Tensor =>
          sliced(weightOf(weights, name), 0, at * width, (at + 1) * width);
        const layers = Object.fromEntries(
          ['query', 'key', 'value'].flatMap((name, at) => [
            [`${name}.weight`, part('qkv.weight', at)] as const,
            [`${name}.bias`, part('qkv.bias', at)] as const,
          ]),
        );
        const all = { ...layers, 'output.weight': weights['proj.weight']!, 'output.bias': weights['proj.bias']! };
        const plain = { batch, queries: tokens, keys: tokens, width, heads };
        return { output: plainReference(plain, { tokens: inputs['x']! }, all) };
      },
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal tokens.',
      draw: ({ batch, tokens, width }, seed) => ({ x: normalTensor([batch, tokens, width], seed) }),
    },
  ],
  pictures({ inputs, weights }, _outputs, { tokens: n, heads, prompts: p }) {
    const { map } = prefixAttention(inputs['x']!, weights, heads, rowsOfPrompts(weights['prompts']));
    const columns = n + p;
    const mean = new Float64Array(n * columns);
    for (let at = 0; at < heads * n * columns; at++) mean[at % mean.length]! += map.data[at]! / heads;
    const steered = Array.from({ length: n }, (_, i) => ({
      x: i,
      y: mean.subarray(i * columns, i * columns + p).reduce((sum, value) => sum + value, 0),
    }));
    return [
      {
        kind: 'heat-map',
        id: 'map',
        title: 'Attention, mean over heads',
        caption: `The first ${p} columns are prompts, which every token may read and which read nothing.`,
        unit: '',
        definition: 'mean over heads of softmax over prompts and tokens; each row adds up to 1',
        scale: 'sequential',
        rows: { title: 'Reading token' },
        columns: {
          title: 'Prompt or token',
          labels: Array.from({ length: columns }, (_, j) => (j < p ? `prompt ${j + 1}` : `token ${j - p + 1}`)),
        },
        values: rowsOf(mean, n, columns),
      },
      {
        kind: 'chart',
        id: 'steered',
        title: 'Attention to the prompts',
        caption: `How much of its attention each token gives to the prompts; even attention would give ${(p / columns).toPrecision(2)}.`,
        x: { title: 'Token', unit: '', scale: 'linear' },
        y: { title: 'Share of the attention', unit: '', scale: 'linear' },
        series: [{ title: 'prompts', mark: 'points', points: steered }],
      },
    ];
  },
};
