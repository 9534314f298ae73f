/** ComplexFormer's attention with its projections and the names of its repository (definition.ts). */
import { biasedAttention, biasedPairs } from '../../graph/biased-tiles';
import { multiply } from '../../graph/operators/elementwise';
import { reshape, transpose } from '../../graph/operators/layout';
import type { Value } from '../../graph/records';
import { rotateRows } from '../../graph/rotary-rows';
import { integers } from '../../integers';
import { cmha } from '../../mechanisms/cmha/cmha';
import { remapped } from '../../mechanisms/cmha/graph';
import type { Module, ModuleGraph } from '../../module';
import { normalInputs } from '../../module-parts/draw';
import { linearLayer } from '../../module-parts/graph';
import { mapped } from '../../module-parts/layers';
import { tokensInput, tokensOutput } from '../../module-parts/token-ports';
import { parameterCount } from '../../module-parts/weights';
import { normalTensor, seedFor } from '../../tensors/random';
import {
  complexReference,
  complexWeights,
  forms,
  layers,
  mechanismOf,
  shapeOf,
  type ComplexParameters,
} from './definition';
import { complexPictures } from './pictures';
import * as field from '../../parameters';

const integer = (title: string, description: string, max: number, preset: number) =>
  field.integer(title, description, { min: 1, max, default: preset });

export const complexAttention: Module<ComplexParameters> = {
  id: 'complex-attention',
  title: 'Complex-vector attention (ComplexFormer)',
  kind: 'attention',
  summary:
    'Attention whose queries and keys are complex numbers: each head weighs the angle between them against their distance, plane by plane. With weights of 1 it is RoPE; with weights of 0 a head asks for a position alone.',
  source: {
    reference: 'arXiv:2505.10222 (withdrawn); attention/complex_attention.py of shaojintian/complexFormer (f91ac74)',
    trust: 'low',
    note: 'The paper was withdrawn by its first author, and the definition is that of the code. b starts at 0 there and is drawn here, so that a proof sees it. Rotary attention in its place is a choice of ours for comparison.',
  },
  parameters: {
    tokens: integer('Tokens', 'Of each sequence.', 8192, 64),
    width: integer('Width', 'Of a token.', 1024, 128),
    heads: integer('Heads', 'Each of an even width.', 64, 4),
    form: field.choice('Form', 'complex, or rotary: the same layer with RoPE, which has no delta and b.', {
      options: forms,
      default: 'complex',
    }),
    scale: cmha.parameters.scale,
    base: cmha.parameters.base,
    causal: field.flag('Causal', 'A token reads itself and those before it.', true),
    batch: integer('Batch', 'Sequences in a call.', 64, 1),
  },
  refuse: ({ width, heads }) =>
    width % (2 * heads) === 0
      ? undefined
      : `Two components make a complex number: a width of ${width} gives ${heads} heads no even width. Choose a multiple of ${2 * heads}.`,
  inputs: (size) => [tokensInput(size)],
  outputs: (size) => [tokensOutput(size)],
  weights: complexWeights,
  parametersOf(shapeIn) {
    const width = shapeIn('W_o.weight')?.[0];
    const delta = shapeIn('delta_params');
    return {
      ...(width === undefined ? {} : { width }),
      ...(delta ? { heads: delta[0]! } : {}),
      form: delta ? 'complex' : 'rotary',
    };
  },
  reference: (call, parameters) => ({ output: complexReference(call, parameters) }),
  build: (graph, parameters) => ({ output: complexGraph(graph, parameters) }),
  cost(parameters) {
    const { batch, tokens, width, heads, form } = parameters;
    const { pairs } = biasedPairs(shapeOf(parameters));
    const multiplyAdds = batch * (4 * tokens * width * width + 2 * pairs * width);
    const count = parameterCount(complexWeights(parameters));
    // 12 operations for each plane of queries and keys, or the four of a rotation.
    const planes = batch * tokens * width;
    return {
      multiplyAdds,
      flops: 2 * multiplyAdds + (form === 'complex' ? 12 : 4) * planes + 5 * batch * heads * pairs,
      bytes: 4 * (count + planes * (form === 'complex' ? 36 : 14) + 6 * batch * heads * pairs),
      parameters: count,
    };
  },
  depth: () => 4,
  growth: {
    of: 'tokens',
    sizes: [2048, 4096, 8192].map((tokens) => ({ tokens, width: 64 })),
    size: ({ tokens }) => tokens,
    exponent: 2,
  },
  plain: ({ batch, tokens, width, heads }) => ({ batch, queries: tokens, keys: tokens, width, heads }),
  limits: [
    {
      name: 'delta = 1 and b = 0: RoPE',
      parameters: { tokens: 5, width: 8, heads: 2, form: 'complex', batch: 2 },
      call: ({ inputs, weights }) => ({
        inputs,
        weights: {
          ...weights,
          delta_params: mapped(weights['delta_params']!, () => 1),
          bias_params: mapped(weights['bias_params']!, () => 0),
        },
      }),
      equals: (call, parameters) => ({ output: complexReference(call, { ...parameters, form: 'rotary' }) }),
      // 1e-9 is added to the squares of magnitudes.
      within: 1e-6,
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal tokens, each by itself: what the pictures show comes from the weights.',
      draw: (parameters, seed) => normalInputs({ inputs: () => complexAttention.inputs(parameters) }, parameters, seed),
    },
    {
      id: 'alike',
      title: 'Tokens that are alike',
      description:
        'One normal row for all tokens and a little of its own for each: angles lie close together, and positions decide.',
      draw: (parameters, seed) => {
        const { width } = parameters;
        const one = normalTensor([width], seedFor(seed, 'one')).data;
        const drawn = complexAttention.samples[0].draw(parameters, seed);
        return { x: mapped(drawn['x']!, (value, at) => one[at % width]! + 0.1 * value) };
      },
    },
  ],
  pictures: (call, _outputs, parameters) => complexPictures(call, parameters),
};

/** [b, n, D]. */
export function complexGraph(graph: ModuleGraph, parameters: ComplexParameters): Value {
  const { batch, tokens, width, heads, form, base } = parameters;
  const shape = shapeOf(parameters);
  const x = graph.input('x');
  const made = (name: string): Value =>
    transpose(
      reshape(linearLayer(x, graph.weight(`${name}.weight`)), [batch, tokens, heads, width / heads]),
      [0, 2, 1, 3],
    );
  const [query, key, value] = [made(layers.query), made(layers.key), made(layers.value)];
  const positions = integers(0, tokens);
  const sides =
    form === 'rotary'
      ? {
          query: multiply(
            rotateRows(query, positions, base),
            parameters.scale === 'none' ? Math.sqrt(width / heads) : 1,
          ),
          key: rotateRows(key, positions, base),
        }
      : remapped({ query, key }, shape, mechanismOf(parameters), {
          delta: graph.weight('delta_params'),
          b: graph.weight('bias_params'),
        });
  const read = biasedAttention({ ...sides, value }, shape, (scores) => scores);
  const joined = reshape(transpose(read, [0, 2, 1, 3]), [batch, tokens, width]);
  return linearLayer(joined, graph.weight(`${layers.output}.weight`));
}
