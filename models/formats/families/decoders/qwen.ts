import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import { decoderFamily } from '../shared/decoder-family';
import { separateExperts } from '../shared/decoder-layout';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';
import { honoured, llamaLikeKeys } from '../shared/run-keys';

/** The first `max_window_layers` layers attend to everything, the others have the window, if it is switched on at all. */
const windowed = (reader: ConfigReader): Partial<TransformerChoice> => {
  const first = reader.integer('max_window_layers') ?? 0;
  return { windowed: (index) => index >= first };
};

const qwen2Keys = {
  ...llamaLikeKeys,
  ...honoured('use_sliding_window', 'sliding_window', 'max_window_layers', 'layer_types'),
};

const window = { use_sliding_window: false, sliding_window: 4096, max_window_layers: 28 };

const qwen2Attention = { ...llamaLayout.attention, inputBias: true, outputBias: false };
const qwen2Values = {
  vocab_size: 151936,
  hidden_size: 4096,
  intermediate_size: 22016,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  hidden_act: 'silu',
  max_position_embeddings: 32768,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  ...window,
  tie_word_embeddings: false,
};
const qwen2VlValues = {
  ...qwen2Values,
  vocab_size: 152064,
  hidden_size: 8192,
  intermediate_size: 29568,
  num_hidden_layers: 80,
  num_attention_heads: 64,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  rope_theta: 1000000,
  max_window_layers: 80,
};

export const qwen2 = decoderFamily({
  id: 'qwen2',
  title: 'Qwen2',
  types: {
    qwen2: ['Qwen2Config', qwen2Values],
    qwen2_vl_text: ['Qwen2VLTextConfig', qwen2VlValues],
    qwen2_5_vl_text: ['Qwen2_5_VLTextConfig', qwen2VlValues],
  },
  architectures: /^Qwen2For/,
  run: qwen2Keys,
  choice: windowed,
  layout: { ...llamaLayout, attention: qwen2Attention },
});

export const qwen3Attention = { ...llamaLayout.attention, norm: () => 'head' as const };

export const qwen3 = decoderFamily({
  id: 'qwen3',
  title: 'Qwen3',
  types: {
    qwen3: ['Qwen3Config', { ...qwen2Values, head_dim: 128, attention_bias: false }],
    qwen3_vl_text: [
      'Qwen3VLTextConfig',
      { ...qwen2Values, head_dim: 128, attention_bias: false, max_position_embeddings: 128000, rope_theta: 5000000 },
    ],
  },
  architectures: /^Qwen3For/,
  run: { ...qwen2Keys, ...honoured('attention_bias') },
  choice: windowed,
  layout: { ...llamaLayout, attention: qwen3Attention },
});

const projections = ['gate_proj', 'up_proj', 'down_proj'] as const;

export const qwen2Moe = decoderFamily({
  id: 'qwen2_moe',
  title: 'Qwen2 MoE',
  types: {
    qwen2_moe: [
      'Qwen2MoeConfig',
      {
        vocab_size: 151936,
        hidden_size: 2048,
        intermediate_size: 5632,
        num_hidden_layers: 24,
        num_attention_heads: 16,
        num_key_value_heads: 16,
        hidden_act: 'silu',
        max_position_embeddings: 32768,
        rms_norm_eps: 1e-6,
        rope_theta: 10000,
        ...window,
        decoder_sparse_step: 1,
        moe_intermediate_size: 1408,
        shared_expert_intermediate_size: 5632,
        num_experts_per_tok: 4,
        num_experts: 60,
        mlp_only_layers: [],
        qkv_bias: true,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^Qwen2MoeFor/,
  record: ['qkv_bias', 'use_sliding_window', 'shared_expert_intermediate_size'],
  choice: windowed,
  layout: {
    ...llamaLayout,
    attention: { ...qwen2Attention, inputBias: (part) => flag(part, 'qkv_bias', true) },
    experts: separateExperts({
      prefix: 'mlp.',
      router: 'gate',
      projections,
      shared: 'shared_expert.',
      sharedGate: 'shared_expert_gate',
    }),
  },
});

const qwen3MoeValues = {
  vocab_size: 151936,
  hidden_size: 2048,
  intermediate_size: 6144,
  num_hidden_layers: 24,
  num_attention_heads: 32,
  num_key_value_heads: 4,
  hidden_act: 'silu',
  max_position_embeddings: 32768,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  attention_bias: false,
  ...window,
  decoder_sparse_step: 1,
  moe_intermediate_size: 768,
  num_experts_per_tok: 8,
  num_experts: 128,
  mlp_only_layers: [],
  tie_word_embeddings: false,
};

export const qwen3Moe = decoderFamily({
  id: 'qwen3_moe',
  title: 'Qwen3 MoE',
  types: { qwen3_moe: ['Qwen3MoeConfig', qwen3MoeValues] },
  architectures: /^Qwen3MoeFor/,
  record: ['attention_bias', 'use_sliding_window'],
  choice: windowed,
  layout: {
    ...llamaLayout,
    attention: qwen3Attention,
    experts: separateExperts({ prefix: 'mlp.', router: 'gate', projections }),
  },
});
