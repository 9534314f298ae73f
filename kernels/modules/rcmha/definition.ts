/**
 * Relative convolutional attention with its projections, as `RelativeMultiHeadAttention` of rcmha/attention.py has it. With x [b, n, D] and
 * the memory of the layer before it, c = [memory; x] [b, m, D]:
 *
 *   q = x W_q^T, k = c W_k^T, v = c W_v^T + b_v, split into heads; each convolved (mechanisms/rcmha/definition.ts);
 *   output = join(softmax(((q_i + u) . k_j + q_i . E[P - r] + beta[P - r]) / sqrt(d)) v) W_o^T + b_o, r the distance.
 */
import { rcmhaRows, type RcmhaParameters } from '../../mechanisms/rcmha/definition';
import type { ModuleCall, ModuleWeight, Tensors } from '../../module';
import { joined, joinHeads, linear, permuted, splitHeads } from '../../module-parts/layers';
import { linearWeights, weightOf } from '../../module-parts/weights';
import { allRows } from '../../reference/softmax';
import type { AttentionShape } from '../../shape';
import type { Tensor } from '../../tensors/tensor';

export interface RelativeParameters extends Record<string, number | boolean> {
  readonly tokens: number;
  readonly memory: number;
  readonly width: number;
  readonly heads: number;
  readonly convolution: boolean;
  readonly relative: boolean;
  readonly kernel: number;
  readonly maxDistance: number;
  readonly batch: number;
}

export const shapeOf = ({ batch, heads, tokens, memory, width }: RelativeParameters): AttentionShape => ({
  batch,
  heads,
  kvHeads: heads,
  queries: tokens,
  keys: memory + tokens,
  headDim: width / heads,
  valueDim: width / heads,
  pattern: 'causal-self',
});

export const mechanismOf = (parameters: RelativeParameters): RcmhaParameters => {
  const { convolution, relative, kernel, maxDistance } = parameters;
  return { convolution, relative, kernel, maxDistance };
};

/** What is convolved, by the name of its projection. */
export const projections = ['query', 'key', 'value'] as const;
export type Projection = (typeof projections)[number];

/** A projection stands alone, or before its convolution in a Sequential. */
export const linearName = (name: Projection, { convolution }: RelativeParameters): string =>
  convolution ? `${name}.0.linear` : `${name}.linear`;

export function relativeWeights(parameters: RelativeParameters): readonly ModuleWeight[] {
  const { width, heads, kernel, convolution, relative, maxDistance } = parameters;
  const d = width / heads;
  // The standard deviation of torch's first kernel, uniform in +-1 / sqrt(K).
  const drawn = { kind: 'normal', deviation: (3 * kernel) ** -0.5 } as const;
  return [
    ...projections.flatMap((name) => [
      ...linearWeights(linearName(name, parameters), width, width, name === 'value'),
      ...(convolution
        ? [
            { name: `${name}.1.conv.weight`, shape: [d, 1, kernel], initial: drawn },
            { name: `${name}.1.conv.bias`, shape: [d], initial: drawn },
          ]
        : []),
    ]),
    ...linearWeights('output', width, width),
    ...(relative
      ? ([
          {
            name: 'key_pos_embeddings',
            shape: [2 * maxDistance, heads, d],
            initial: { kind: 'normal', deviation: 0.5 },
          },
          { name: 'key_pos_bias', shape: [2 * maxDistance, heads], initial: { kind: 'normal', deviation: 1 } },
          { name: 'query_pos_bias', shape: [heads, d], initial: { kind: 'normal', deviation: 0.5 } },
        ] as const)
      : []),
  ];
}

/** By the names of the mechanism, heads first. */
export function mechanismWeights(weights: Tensors, { convolution, relative }: RelativeParameters): Tensors {
  return {
    ...(convolution
      ? Object.fromEntries(
          projections.flatMap((name) =>
            (['weight', 'bias'] as const).map((part) => [
              `convolution.${name}.${part}`,
              weightOf(weights, `${name}.1.conv.${part}`),
            ]),
          ),
        )
      : {}),
    ...(relative
      ? {
          'position.key': permuted(weightOf(weights, 'key_pos_embeddings'), [1, 0, 2]),
          'position.bias': permuted(weightOf(weights, 'key_pos_bias'), [1, 0]),
          'query.bias': weightOf(weights, 'query_pos_bias'),
        }
      : {}),
  };
}

/** Heads-first queries [b, h, n, d], keys and values [b, h, m, d] before their convolutions. */
export function projected(
  { inputs, weights }: ModuleCall,
  parameters: RelativeParameters,
): Readonly<Record<Projection, Tensor>> {
  const x = inputs['x']!;
  const { memory } = inputs;
  const context = memory ? joined([memory, x], 1) : x;
  const made = (name: Projection): Tensor => {
    const layer = linearName(name, parameters);
    const projection = linear(
      name === 'query' ? x : context,
      weightOf(weights, `${layer}.weight`),
      weights[`${layer}.bias`],
    );
    return splitHeads(projection, parameters.heads);
  };
  return { query: made('query'), key: made('key'), value: made('value') };
}

export function relativeReference(call: ModuleCall, parameters: RelativeParameters): Tensor {
  const shape = shapeOf(parameters);
  const own = { ...projected(call, parameters), weights: mechanismWeights(call.weights, parameters) };
  const heads = rcmhaRows(own, shape, mechanismOf(parameters), allRows(shape));
  return linear(joinHeads(heads), weightOf(call.weights, 'output.weight'), call.weights['output.bias']);
}
