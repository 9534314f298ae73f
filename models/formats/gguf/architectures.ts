/**
 * The architectures of GGUF that run as families of checkpoints: what conversion leaves out of the header because llama.cpp knows it
 * anyway, and how the tensors differ from those of a checkpoint. From convert_hf_to_gguf.py and llama-model.cpp of llama.cpp (November 2026).
 */
import type { JsonObject } from '../config/config-reader';
import {
  all,
  always,
  biases,
  fourNorms,
  graniteFactors,
  groupedRouter,
  optional,
  type GgufArchitecture,
  type GgufFacts,
} from './architecture';
import { encoderArchitectures } from './encoder-architectures';
import { expertArchitectures } from './expert-architectures';
import { recurrentArchitectures } from './recurrent-architectures';
import { rwkvArchitectures } from './rwkv-architectures';
import { t5Architectures } from './t5-architectures';

/** llama.cpp divides queries by the root of a head's width; in the largest models of Gemma by the root of the stream's width over heads. */
const gemmaScale =
  (layers: number) =>
  ({ metadata }: GgufFacts): JsonObject => {
    const [width, blocks] = [metadata.ownNumber('embedding_length') ?? 0, metadata.ownNumber('block_count')];
    const heads = metadata.perLayer('attention.head_count')?.largest ?? 1;
    const head = metadata.ownNumber('attention.key_length') ?? width / heads;
    return { query_pre_attn_scalar: blocks === layers ? width / heads : head, hidden_activation: 'gelu_pytorch_tanh' };
  };

const clipped = ({ metadata }: GgufFacts): JsonObject =>
  optional('clip_qkv', metadata.ownNumber('attention.clamp_kqv'));
const logitScale = ({ metadata }: GgufFacts): JsonObject => optional('logit_scale', metadata.ownNumber('logit_scale'));

/** The share of a normal distribution below a number of deviations, to the digits that a config writes: the file has the number. */
function normalShare(deviations: number): number {
  if (!(deviations > -8)) return 0;
  // Simpson's rule on the density, of which less than 1e-15 lies below -8.
  const steps = 2000;
  const width = (deviations + 8) / steps;
  let sum = 0;
  for (let i = 0; i <= steps; i++) {
    const x = -8 + i * width;
    sum += (i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2) * Math.exp((-x * x) / 2);
  }
  return Number(((sum * width) / 3 / Math.sqrt(2 * Math.PI)).toFixed(6));
}

/** The models of 27 B are those with 46 and 62 blocks. */
const architectures: Readonly<Record<string, GgufArchitecture>> = {
  llama: { rotation: 'neighbours', config: biases },
  qwen2: {},
  qwen3: { config: biases },
  qwen2moe: { config: always({ norm_topk_prob: false, decoder_sparse_step: 1, mlp_only_layers: [] }) },
  qwen3moe: { config: always({ norm_topk_prob: true, decoder_sparse_step: 1, mlp_only_layers: [] }) },
  gemma: { config: always({ hidden_activation: 'gelu_pytorch_tanh' }) },
  gemma2: { names: fourNorms, config: gemmaScale(46) },
  gemma3: {
    names: fourNorms,
    config: all(gemmaScale(62), ({ metadata }) => ({
      sliding_window_pattern: metadata.ownNumber('attention.sliding_window_pattern') ?? 6,
      rope_local_base_freq: metadata.ownNumber('rope.freq_base_swa') ?? 10000,
    })),
  },
  gemma3n: {
    names: fourNorms,
    config: ({ metadata, shape }) => ({
      hidden_activation: 'gelu_pytorch_tanh',
      rope_local_base_freq: metadata.ownNumber('rope.freq_base_swa') ?? 10000,
      ...optional('hidden_size_per_layer_input', metadata.ownNumber('embedding_length_per_layer_input')),
      ...optional('vocab_size_per_layer_input', shape('per_layer_token_embd.weight')?.[0]),
      ...optional('laurel_rank', shape('blk.0.laurel_l.weight')?.[0]),
      ...optional('altup_num_inputs', metadata.ownNumber('altup.num_inputs')),
      ...{ altup_active_idx: metadata.ownNumber('altup.active_idx') ?? 0, altup_coef_clip: 120 },
      activation_sparsity_pattern: (metadata.list(metadata.own('activation_sparsity_scale')) ?? []).map((scale) =>
        typeof scale === 'number' ? normalShare(scale) : 0,
      ),
    }),
  },
  phi3: {},
  phimoe: {
    config: ({ has }) => ({ attention_bias: has('blk.0.attn_q.bias'), lm_head_bias: has('output.bias') }),
  },
  gpt2: { config: ({ metadata }) => optional('n_inner', metadata.ownNumber('feed_forward_length')) },
  granite: { rotation: 'neighbours', config: all(biases, graniteFactors) },
  'gpt-oss': {
    names: fourNorms,
    config: ({ metadata }) => ({
      attention_bias: true,
      rope_scaling: {
        ...{ rope_type: 'yarn', beta_fast: 32, beta_slow: 1, truncate: false },
        factor: metadata.ownNumber('rope.scaling.factor') ?? 1,
        ...optional('original_max_position_embeddings', metadata.ownNumber('rope.scaling.original_context_length')),
      },
    }),
  },
  dots1: { config: all(groupedRouter, ({ has }) => ({ attention_bias: has('blk.0.attn_q.bias') })) },
  glm4moe: {
    names: fourNorms,
    config: all(groupedRouter, ({ has }) => ({
      attention_bias: has('blk.0.attn_q.bias'),
      use_qk_norm: has('blk.0.attn_q_norm.weight'),
    })),
  },
  'minimax-m2': {},
  starcoder2: { config: always({ use_bias: true }) },
  starcoder: {
    config: ({ metadata }) => ({
      ...optional('n_inner', metadata.ownNumber('feed_forward_length')),
      multi_query: metadata.ownNumber('attention.head_count_kv') === 1,
    }),
  },
  phi2: {},
  stablelm: {
    config: ({ has }) => ({
      use_qkv_bias: has('blk.0.attn_q.bias'),
      qk_layernorm: has('blk.0.attn_q_norm.weight'),
      use_parallel_residual: !has('blk.0.ffn_norm.weight'),
    }),
  },
  olmo: { rotation: 'neighbours', config: clipped },
  // Files of OLMo 3 have a window.
  olmo2: {
    names: fourNorms,
    config: ({ metadata }) =>
      metadata.ownNumber('attention.sliding_window') === undefined ? {} : { model_type: 'olmo3' },
  },
  olmoe: { config: clipped },
  'command-r': {
    rotation: 'neighbours',
    config: all(logitScale, ({ has }) => ({ use_qk_norm: has('blk.0.attn_q_norm.weight') })),
  },
  cohere2: { rotation: 'neighbours', config: all(logitScale, always({ sliding_window_pattern: 4 })) },
  nemotron: { config: biases },
  exaone4: {
    names: fourNorms,
    // llama.cpp recognises the model of 32 B, the only one with a window, by its number of layers.
    config: ({ metadata }) =>
      metadata.ownNumber('block_count') === 64 ? { sliding_window_pattern: 4 } : { sliding_window: null },
  },
  mistral3: {
    rotation: 'neighbours',
    follows: ['rope.scaling.yarn_log_multiplier'],
    config: ({ metadata }) => {
      const [temper, factor] = ['attention.temperature_scale', 'rope.scaling.factor'].map((key) =>
        metadata.ownNumber(key),
      );
      const scaled = metadata.ownNumber('rope.scaling.yarn_log_multiplier');
      if (metadata.text(metadata.own('rope.scaling.type')) !== 'yarn') return {};
      return {
        rope_scaling: null,
        rope_parameters: {
          rope_type: 'yarn',
          rope_theta: metadata.ownNumber('rope.freq_base') ?? 10000,
          ...optional('factor', factor),
          ...optional('original_max_position_embeddings', metadata.ownNumber('rope.scaling.original_context_length')),
          beta_fast: metadata.ownNumber('rope.scaling.yarn_beta_fast') ?? 32,
          beta_slow: metadata.ownNumber('rope.scaling.yarn_beta_slow') ?? 1,
          // Conversion leaves mscale out; in published models it is mscale_all_dim, so that rotated vectors keep their lengths.
          ...(scaled === undefined ? {} : { mscale: scaled, mscale_all_dim: scaled }),
          ...optional('llama_4_scaling_beta', temper),
        },
      };
    },
  },
  glm4: { rotation: 'neighbours', config: biases },
  smollm3: { rotation: 'neighbours', config: all(biases, always({ no_rope_layer_interval: 4 })) },
  arcee: { rotation: 'neighbours', config: biases },
  seed_oss: {
    names: fourNorms,
    config: ({ has }) => ({
      attention_bias: has('blk.0.attn_q.bias'),
      attention_out_bias: has('blk.0.attn_output.bias'),
      mlp_bias: has('blk.0.ffn_up.bias'),
    }),
  },
  'hunyuan-dense': { config: biases },
  ernie4_5: { rotation: 'neighbours', config: ({ has }) => ({ use_bias: has('blk.0.attn_q.bias') }) },
  gptneox: {
    fused: 'queries-keys-values',
    config: ({ metadata, has }) => ({
      use_parallel_residual: metadata.flag(metadata.own('use_parallel_residual')) ?? true,
      attention_bias: has('blk.0.attn_qkv.bias'),
    }),
  },
  bloom: { fused: 'queries-keys-values' },
  falcon: {
    fused: 'queries-keys-values',
    config: ({ metadata, has }) => {
      const grouped = has('blk.0.attn_norm_2.weight');
      const keys = metadata.ownNumber('attention.head_count_kv') ?? 1;
      return {
        ...{ new_decoder_architecture: grouped, multi_query: !grouped && keys === 1, num_kv_heads: keys },
        ...{ parallel_attn: true, bias: false, alibi: false },
        ...optional('ffn_hidden_size', metadata.ownNumber('feed_forward_length')),
      };
    },
  },
  mpt: {
    config: ({ metadata }) => ({
      attn_config: {
        alibi: true,
        ...optional('alibi_bias_max', metadata.ownNumber('attention.max_alibi_bias')),
        ...optional('clip_qkv', metadata.ownNumber('attention.clamp_kqv')),
      },
      expansion_ratio: (metadata.ownNumber('feed_forward_length') ?? 0) / (metadata.ownNumber('embedding_length') ?? 1),
    }),
  },
  ...expertArchitectures,
  ...recurrentArchitectures,
  ...encoderArchitectures,
  ...t5Architectures,
  ...rwkvArchitectures,
};

export const ggufArchitecture = (name: string): GgufArchitecture | undefined =>
  Object.hasOwn(architectures, name) ? architectures[name] : undefined;

/** Their names, for messages. */
export const ggufArchitectures: readonly string[] = Object.keys(architectures);
