import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import type { FeedForward, Layer, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { decoderFamily } from '../shared/decoder-family';
import { stackedExperts } from '../shared/decoder-layout';
import { flag, sizeOf } from '../shared/family';
import { fourNorms } from './gemma';
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

const inputSize = (part: ModelPart): number => sizeOf(part, 'hidden_size_per_layer_input') ?? 0;

function writeLayerInput(writer: TensorWriter, _layer: Layer, part: ModelPart): void {
  writer.add('other', 'layer_scalar', [1]);
  const size = inputSize(part);
  if (size === 0) return;
  writer.linear('mlp', 'per_layer_input_gate', part.hiddenSize, size, false);
  writer.linear('mlp', 'per_layer_projection', size, part.hiddenSize, false);
  writer.norm('post_per_layer_input_norm', part.hiddenSize, false);
}

function writeLayerEmbeddings(writer: TensorWriter, part: ModelPart): void {
  const size = inputSize(part);
  if (size === 0) return;
  const width = part.layers.length * size;
  const words = sizeOf(part, 'vocab_size_per_layer_input') ?? part.vocabularySize ?? 0;
  writer.add('embedding', 'embed_tokens_per_layer.weight', [words, width]);
  writer.linear('mlp', 'per_layer_model_projection', part.hiddenSize, width, false);
  writer.norm('per_layer_projection_norm', size, false);
}

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
  choice: choose,
  layout: {
    ...llamaLayout,
    attention: {
      ...llamaLayout.attention,
      norm: () => 'head',
      valueIsKey: (part, { attention }) => attention.kind === 'full' && flag(part, 'attention_k_eq_v'),
    },
    mlp: { ...llamaLayout.mlp, bias: false },
    norms: (_part, { feedForward }) =>
      feedForward.kind === 'experts'
        ? [...fourNorms, 'post_feedforward_layernorm_1', 'post_feedforward_layernorm_2', 'pre_feedforward_layernorm_2']
        : fourNorms,
    experts: writeExperts,
    more: writeLayerInput,
    extra: writeLayerEmbeddings,
  },
});
