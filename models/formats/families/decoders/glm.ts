import { decoderFamily } from '../shared/decoder-family';
import { transformers5 } from '../shared/family-row';
import { deepseekExperts, latentRecord, v3Values } from './deepseek';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';

const values = {
  vocab_size: 151552,
  hidden_size: 4096,
  intermediate_size: 13696,
  num_hidden_layers: 40,
  num_attention_heads: 32,
  num_key_value_heads: 2,
  head_dim: 128,
  partial_rotary_factor: 0.5,
  hidden_act: 'silu',
  max_position_embeddings: 131072,
  rms_norm_eps: 1.5625e-7,
  rope_theta: 10000,
  attention_bias: true,
  pad_token_id: 151329,
  eos_token_id: [151329, 151336, 151338],
  tie_word_embeddings: false,
};

const layout = {
  ...llamaLayout,
  attention: { ...llamaLayout.attention, outputBias: false },
  mlp: { prefix: 'mlp.', inputs: ['gate_up_proj'], fused: true, output: 'down_proj' },
} as const;

/** The first in transformers' own format; the ChatGLM models before have remote code. */
export const glm = decoderFamily({
  id: 'glm',
  title: 'GLM-4',
  types: { glm: ['GlmConfig', values] },
  architectures: /^GlmFor/,
  record: ['attention_bias'],
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout,
});

/** GLM-4-0414: norms after attention and network as well as before. */
export const glm4 = decoderFamily({
  id: 'glm4',
  title: 'GLM-4-0414',
  types: { glm4: ['Glm4Config', values] },
  architectures: /^Glm4For/,
  record: ['attention_bias'],
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: {
    ...layout,
    norms: ['input_layernorm', 'post_self_attn_layernorm', 'post_attention_layernorm', 'post_mlp_layernorm'],
  },
});

export const glm4Moe = decoderFamily({
  id: 'glm4_moe',
  title: 'GLM-4.5',
  types: {
    glm4_moe: [
      'Glm4MoeConfig',
      {
        vocab_size: 151552,
        hidden_size: 4096,
        intermediate_size: 10944,
        num_hidden_layers: 46,
        num_attention_heads: 96,
        partial_rotary_factor: 0.5,
        num_key_value_heads: 8,
        hidden_act: 'silu',
        max_position_embeddings: 131072,
        rms_norm_eps: 1e-5,
        rope_theta: 10000,
        attention_bias: false,
        moe_intermediate_size: 1408,
        num_experts_per_tok: 8,
        n_shared_experts: 1,
        n_routed_experts: 128,
        first_k_dense_replace: 1,
        use_qk_norm: false,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^Glm4MoeFor/,
  record: ['attention_bias', 'use_qk_norm', 'num_nextn_predict_layers'],
  layout: {
    ...llamaLayout,
    attention: {
      ...llamaLayout.attention,
      outputBias: false,
      norm: (part) => (flag(part, 'use_qk_norm') ? 'head' : undefined),
    },
    experts: deepseekExperts(true),
    mlp: { ...llamaLayout.mlp, bias: false },
  },
});

/** GLM-4.7-Flash: DeepSeek-V3's layers. */
export const glm4MoeLite = decoderFamily({
  id: 'glm4_moe_lite',
  title: 'GLM-4.7-Flash',
  release: transformers5,
  types: {
    glm4_moe_lite: [
      'Glm4MoeLiteConfig',
      {
        ...v3Values,
        vocab_size: 154880,
        hidden_size: 2048,
        intermediate_size: 10240,
        moe_intermediate_size: 1536,
        num_hidden_layers: 47,
        num_attention_heads: 20,
        num_key_value_heads: 20,
        n_routed_experts: 64,
        q_lora_rank: 768,
        v_head_dim: 256,
        qk_nope_head_dim: 192,
        num_experts_per_tok: 4,
        max_position_embeddings: 202752,
        rms_norm_eps: 1e-5,
        first_k_dense_replace: 1,
      },
    ],
  },
  architectures: /^Glm4MoeLiteFor/,
  record: latentRecord,
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: { ...llamaLayout, experts: deepseekExperts(true), mlp: { ...llamaLayout.mlp, bias: false } },
});
