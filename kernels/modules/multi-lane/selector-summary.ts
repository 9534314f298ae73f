/** Selectors of every task summarise the tokens of a picture: cross-attention without projections (parts.ts). */
import { reshape } from '../../graph/operators/layout';
import type { Module, ModuleCall } from '../../module';
import { mapped, reshaped } from '../../module-parts/layers';
import { rowsOf } from '../../module-parts/pictures';
import { headsFor } from '../../module-parts/plain-attention';
import { tokensInput } from '../../module-parts/token-ports';
import { parameterCount, weightOf } from '../../module-parts/weights';
import { normalTensor, seedFor } from '../../tensors/random';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import { summary, summaryGraph } from './parts';
import * as field from '../../parameters';

interface Parameters extends Record<string, number> {
  readonly tasks: number;
  readonly selectors: number;
  readonly tokens: number;
  readonly width: number;
  readonly batch: number;
}

const weightsOf = ({ tasks, selectors, width }: Parameters) => [
  { name: 'selectors', shape: [tasks, selectors, width], initial: { kind: 'normal', deviation: 1 } } as const,
];

/** The selectors for every sample, [b, T G, C]. */
function spread({ weights }: ModuleCall, { batch, tasks, selectors, width }: Parameters): Tensor {
  const own = weightOf(weights, 'selectors').data;
  return mapped(zeros([batch, tasks * selectors, width]), (_, at) => own[at % own.length]!);
}

export const selectorSummary: Module<Parameters> = {
  id: 'selector-summary',
  title: 'Selector summary (MULTI-LANE)',
  kind: 'attention',
  summary:
    'A few learned selectors for each task read all tokens of a picture by their own features, without projections, and give as many summaries. Work behind it then grows with the selectors and not with the tokens.',
  source: {
    reference: 'arXiv:2405.15633; multi_lane/blocks.py of github.com/tdemin16/multi-lane',
    trust: 'high',
    note: 'Scores are divided by the root of the whole width. In the network, tokens and selectors go through the layer norm of the layer first.',
  },
  parameters: {
    tasks: field.integer('Tasks', 'T sets of selectors.', { min: 1, max: 64, default: 4 }),
    selectors: field.integer('Selectors', 'G of a task; 20 as published.', { min: 1, max: 256, default: 20 }),
    tokens: field.integer('Tokens', 'N, with the class token; 197 as published.', { min: 1, max: 4096, default: 197 }),
    width: field.integer('Width', 'C; 768 as published.', { min: 1, max: 1024, default: 768 }),
    batch: field.integer('Batch', 'Pictures in a call.', { min: 1, max: 64, default: 1 }),
  },
  inputs: (size) => [tokensInput(size)],
  outputs: ({ batch, tasks, selectors, tokens, width }) => [
    {
      name: 'output',
      title: 'Summaries',
      description: '[batch, tasks, selectors, width]',
      shape: [batch, tasks, selectors, width],
    },
    {
      name: 'attention',
      title: 'Attention',
      description: '[batch, tasks, selectors, tokens]; each row adds up to 1',
      shape: [batch, tasks, selectors, tokens],
    },
  ],
  weights: weightsOf,
  parametersOf(shapeOf) {
    const shape = shapeOf('selectors');
    return shape ? { tasks: shape[0]!, selectors: shape[1]!, width: shape[2]! } : {};
  },
  reference(call, parameters) {
    const { batch, tasks, selectors, tokens, width } = parameters;
    const { weights, output } = summary(spread(call, parameters), call.inputs['x']!);
    return {
      output: reshaped(output, [batch, tasks, selectors, width]),
      attention: reshaped(weights, [batch, tasks, selectors, tokens]),
    };
  },
  build(graph, { batch, tasks, selectors, tokens, width }) {
    const s = reshape(graph.weight('selectors'), [tasks * selectors, width]);
    const { weights, output } = summaryGraph(s, graph.input('x'));
    return {
      output: reshape(output, [batch, tasks, selectors, width]),
      attention: reshape(weights, [batch, tasks, selectors, tokens]),
    };
  },
  cost(parameters) {
    const { batch, tasks, selectors, tokens: n, width: c } = parameters;
    const rows = tasks * selectors;
    const multiplyAdds = 2 * batch * rows * n * c;
    const count = parameterCount(weightsOf(parameters));
    return {
      multiplyAdds,
      flops: 2 * multiplyAdds + 5 * batch * rows * n,
      bytes: 4 * (count + batch * (2 * n * c + rows * c + 4 * rows * n)),
      parameters: count,
    };
  },
  growth: {
    of: 'tokens',
    sizes: [256, 512, 1024].map((tokens) => ({ tokens, tasks: 2, selectors: 16, width: 256 })),
    size: ({ tokens }) => tokens,
    exponent: 1,
  },
  plain: ({ batch, tokens, width }) => ({ batch, queries: tokens, keys: tokens, width, heads: headsFor(width) }),
  limits: [
    {
      name: 'selectors 0: even attention, every summary the mean token',
      parameters: { tasks: 2, selectors: 3, tokens: 5, width: 4, batch: 2 },
      call: ({ inputs, weights }) => ({ inputs, weights: { selectors: mapped(weights['selectors']!, () => 0) } }),
      equals({ inputs }, { batch, tasks, selectors, tokens, width }) {
        const x = inputs['x']!.data;
        const means = mapped(zeros([batch, tasks, selectors, width]), (_, at) => {
          const [b, k] = [Math.floor(at / (tasks * selectors * width)), at % width];
          return (
            Array.from({ length: tokens }, (_, i) => x[(b * tokens + i) * width + k]!).reduce((a, v) => a + v) / tokens
          );
        });
        return { output: means, attention: mapped(zeros([batch, tasks, selectors, tokens]), () => 1 / tokens) };
      },
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal tokens: no structure to select.',
      draw: ({ batch, tokens, width }, seed) => ({ x: normalTensor([batch, tokens, width], seed) }),
    },
    {
      id: 'thirds',
      title: 'Three parts',
      description: 'Each third of the tokens is alike but for noise: a selector reads a third evenly.',
      draw: ({ batch, tokens, width }, seed) => {
        const parts = normalTensor([3, width], seedFor(seed, 'parts'), 2).data;
        const noise = normalTensor([batch, tokens, width], seedFor(seed, 'noise'), 0.2);
        const part = (token: number): number => Math.floor((3 * token) / tokens);
        const data = noise.data.map(
          (value, at) => value + parts[part(Math.floor(at / width) % tokens) * width + (at % width)]!,
        );
        return { x: tensor(noise.shape, data) };
      },
    },
  ],
  pictures(_call, outputs, { tasks, selectors, tokens, width }) {
    const rows = tasks * selectors;
    const own = 2 * selectors * tokens * width;
    return [
      {
        kind: 'heat-map',
        id: 'attention',
        title: 'What each selector reads',
        caption: `A row for each selector, task by task; even attention would be ${(1 / tokens).toPrecision(2)}.`,
        unit: '',
        definition: 'W = softmax over tokens of s . x / sqrt(C); each row adds up to 1',
        scale: 'sequential',
        rows: {
          title: 'Task and selector',
          labels: Array.from({ length: rows }, (_, at) => `${Math.floor(at / selectors) + 1}.${(at % selectors) + 1}`),
        },
        columns: { title: 'Token' },
        values: rowsOf(outputs['attention']!.data, rows, tokens),
      },
      {
        kind: 'table',
        id: 'savings',
        title: 'A layer behind it, for each task',
        caption: 'Multiply-adds of one transformer layer over the summaries and the class token, against all tokens.',
        columns: [
          { title: 'Tokens of the layer', kind: 'text' },
          { title: 'Multiply-adds', kind: 'number' },
        ],
        rows: [
          [`${selectors} summaries and the class token`, own + layerMultiplyAdds(1 + selectors, width)],
          [`all ${tokens} tokens`, layerMultiplyAdds(tokens, width)],
        ],
      },
    ];
  },
};

/** 12 n C^2 + 2 n^2 C: qkv, scores and values, projection, MLP of 4 C. */
const layerMultiplyAdds = (n: number, c: number): number => 12 * n * c * c + 2 * n * n * c;
