/** Stacks that are published as parts of Qwen3-Omni. */
import type { JsonObject } from '../../config/config-reader';
import { decoderFamily } from '../shared/decoder-family';
import { transformers5 } from '../shared/family-row';
import { readTransformer } from '../../config/transformer';
import type { StackFamily } from '../shared/family';

/** What thinker and talker have in common; the two differ in their sizes alone. */
const experts: JsonObject = {
  hidden_act: 'silu',
  max_position_embeddings: 32768,
  rms_norm_eps: 1e-6,
  rope_theta: 1000000,
  attention_bias: false,
  decoder_sparse_step: 1,
  mlp_only_layers: [],
  num_experts_per_tok: 8,
  tie_word_embeddings: false,
};

/** Qwen3-MoE under the names that it has in Qwen3-Omni. */
export const qwen3OmniText = decoderFamily({
  id: 'qwen3_omni_moe_text',
  title: 'Qwen3-Omni text',
  release: transformers5,
  types: {
    qwen3_omni_moe_text: [
      'Qwen3OmniMoeTextConfig',
      {
        ...experts,
        vocab_size: 3584,
        hidden_size: 2048,
        intermediate_size: 18944,
        num_hidden_layers: 28,
        num_attention_heads: 28,
        num_key_value_heads: 4,
        moe_intermediate_size: 768,
        num_experts: 128,
      },
    ],
    qwen3_omni_moe_talker_text: [
      'Qwen3OmniMoeTalkerTextConfig',
      {
        ...experts,
        vocab_size: 3072,
        hidden_size: 1024,
        intermediate_size: 2048,
        num_hidden_layers: 20,
        num_attention_heads: 16,
        num_key_value_heads: 2,
        moe_intermediate_size: 384,
        num_local_experts: 128,
        rope_theta: 10000,
      },
    ],
    qwen3_omni_moe_talker_code_predictor: [
      'Qwen3OmniMoeTalkerCodePredictorConfig',
      {
        vocab_size: 2048,
        hidden_size: 1024,
        intermediate_size: 3072,
        num_hidden_layers: 5,
        num_attention_heads: 16,
        num_key_value_heads: 8,
        head_dim: 128,
        hidden_act: 'silu',
        max_position_embeddings: 32768,
        rms_norm_eps: 1e-6,
        rope_theta: 10000,
        attention_bias: false,
        tie_word_embeddings: false,
      },
    ],
  },
});

/** From codes to sound: layers with a short window, in front of convolutions. */
export const qwen3OmniCode2Wav: StackFamily = {
  kind: 'stack',
  id: 'qwen3_omni_moe_code2wav',
  title: 'Qwen3-Omni code2wav',
  modelTypes: ['qwen3_omni_moe_code2wav'],
  role: 'audio',
  tied: false,
  task: 'base',
  defaults: () => ({
    from: `${transformers5} Qwen3OmniMoeCode2WavConfig`,
    values: {
      hidden_size: 1024,
      intermediate_size: 3072,
      num_hidden_layers: 8,
      num_attention_heads: 16,
      num_key_value_heads: 16,
      hidden_act: 'silu',
      max_position_embeddings: 8000,
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
      sliding_window: 72,
      codebook_size: 2048,
      num_quantizers: 16,
    },
  }),
  read: (reader) =>
    readTransformer(reader, {
      family: 'qwen3_omni_moe_code2wav',
      role: 'audio',
      causal: true,
      gated: true,
      norm: 'rms',
      positions: 'rope',
      record: ['codebook_size', 'num_quantizers'],
    }),
};
