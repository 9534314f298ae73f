import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import type { FeedForward, Layer, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { decoderFamily } from '../shared/decoder-family';
import type { NormPlace } from '../shared/computation';
import { namedExperts, stackedExperts } from '../shared/decoder-layout';
import { vectorSize, writeLayerVector, writeVectors } from '../shared/layer-vectors';
import { flag, word } from '../shared/family';
import { normalisedSoftmax } from '../shared/routers';
import { honoured, only } from '../shared/run-keys';
import { fourNorms, gemma2Keys } from './gemma';
import { llamaLayout } from './llama';

/**
 * The text models of Gemma 4. Five window layers to a full one, whose heads are wider and perhaps fewer. Where
 * `attention_k_eq_v` is true, full layers have no value projection: their values are the projected keys, normed without
 * weights and not rotated, so that the cache holds both. The last `num_kv_shared_layers` read the keys and values of the
 * last layer of their kind before them. Small models add to each layer a vector of the token from a second embedding; the
 * one with experts has a dense network beside them in every layer.
 */

const isFull = (reader: ConfigReader, count: number): ((index: number) => boolean) => {
  const types = reader.has('layer_types') ? reader.strings('layer_types') : undefined;
  // The class makes the last layer a full one, whatever the list says.
  return (index) =>
    index === count - 1 || (types === undefined ? (index + 1) % 6 === 0 : types[index] === 'full_attention');
};

function choose(reader: ConfigReader): Partial<TransformerChoice> {
  const count = reader.integer('num_hidden_layers') ?? 0;
  const full = isFull(reader, count);
  const headDim = reader.integer('global_head_dim', 1);
  const oneProjection = reader.boolean('attention_k_eq_v') === true;
  const kvHeads = oneProjection ? reader.integer('num_global_key_value_heads', 1) : undefined;
  const size = reader.integer('intermediate_size') ?? 0;
  const shared = reader.integer('num_kv_shared_layers') ?? 0;
  const doubled = reader.boolean('use_double_wide_mlp') === true && shared > 0 && shared < count;
  return {
    ...(reader.string('use_bidirectional_attention') === 'all' ? { causal: false } : {}),
    layerKinds: (layers) => Array.from({ length: layers }, (_, index) => ({ kind: full(index) ? 'full' : 'window' })),
    rope: { layerType: 'full_attention', ...(headDim === undefined ? {} : { headDim }) },
    windowRope: { layerType: 'sliding_attention' },
    layerAttention: (index) =>
      full(index)
        ? {
            ...(headDim === undefined ? {} : { headDim, valueDim: headDim }),
            ...(kvHeads === undefined ? {} : { kvHeads }),
          }
        : {},
    sharedSize: size,
    feedForward: (index): FeedForward | undefined =>
      doubled && index >= count - shared ? { kind: 'dense', size: 2 * size, gated: true } : undefined,
  };
}

/** A scale for every input and expert, and no norm weights. */
const experts = stackedExperts({ prefix: '', router: 'router.proj', shared: 'mlp.' });

function writeExperts(writer: TensorWriter, feedForward: FeedForward, layer: Layer, part: ModelPart): void {
  experts(writer, feedForward, layer, part);
  writer.add('router', 'router.scale', [part.hiddenSize]);
  writer.add('router', 'router.per_expert_scale', [feedForward.experts?.count ?? 0]);
}

function writeLayerInput(writer: TensorWriter, _layer: Layer, part: ModelPart): void {
  writer.add('other', 'layer_scalar', [1]);
  writeLayerVector(writer, part);
}

const inExperts = [
  ...fourNorms,
  'post_feedforward_layernorm_1',
  'post_feedforward_layernorm_2',
  'pre_feedforward_layernorm_2',
];
const usual: readonly NormPlace[] = ['attention', 'attention.output', 'network', 'network.output'];

export const gemma4 = decoderFamily({
  id: 'gemma4',
  title: 'Gemma 4',
  types: ['gemma4_text'],
  architectures: /^Gemma4ForCausalLM/,
  tied: true,
  record: [
    'attention_bias',
    'attention_k_eq_v',
    'enable_moe_block',
    'hidden_size_per_layer_input',
    'vocab_size_per_layer_input',
  ],
  run: {
    ...gemma2Keys,
    ...honoured(
      'global_head_dim',
      'num_global_key_value_heads',
      'partial_rotary_factor',
      'attention_k_eq_v',
      'final_logit_softcapping',
    ),
    ...honoured('enable_moe_block', 'num_experts', 'top_k_experts', 'moe_intermediate_size', 'layer_types'),
    ...only([null], 'query_pre_attn_scalar', 'attn_logit_softcapping'),
    ...honoured('hidden_size_per_layer_input', 'num_kv_shared_layers', 'vocab_size_per_layer_input'),
    ...honoured('use_double_wide_mlp'),
    // For pictures only.
    ...only(['vision', null], 'use_bidirectional_attention'),
  },
  computes: {
    ownParts: true,
    plainValueNorm: true,
    embeddingScale: ({ hiddenSize }) => Math.sqrt(hiddenSize),
    activation: (part) => word(part, 'hidden_activation') ?? 'gelu_pytorch_tanh',
    scale: () => 1,
    router: normalisedSoftmax,
    routerFactor: ({ hiddenSize }) => hiddenSize ** -0.5,
    norms: (_part, { feedForward }) =>
      feedForward.kind === 'experts'
        ? inExperts.map((_name, at) => (at === 2 ? 'inside' : (usual[at] ?? 'inside')))
        : usual,
  },
  choice: choose,
  layout: {
    ...llamaLayout,
    scalar: 'layer_scalar',
    attention: {
      ...llamaLayout.attention,
      norm: () => 'head',
      valueIsKey: (part, { attention }) => attention.kind === 'full' && flag(part, 'attention_k_eq_v'),
    },
    mlp: { ...llamaLayout.mlp, bias: false },
    norms: (_part, { feedForward }) => (feedForward.kind === 'experts' ? inExperts : fourNorms),
    experts: namedExperts(writeExperts, {
      ...experts.names,
      ...{ prefix: '', router: 'router.proj', expertFactors: 'router.per_expert_scale' },
      norms: {
        router: 'router.scale',
        experts: 'pre_feedforward_layernorm_2',
        shared: 'pre_feedforward_layernorm',
        expertsOutput: 'post_feedforward_layernorm_2',
        sharedOutput: 'post_feedforward_layernorm_1',
      },
    }),
    more: writeLayerInput,
    extra: writeVectors,
    carried: { size: vectorSize },
  },
});
