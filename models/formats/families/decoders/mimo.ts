import { decoderFamily } from '../shared/decoder-family';
import { remoteCode, transformers5 } from '../shared/family-row';
import { deepseekExperts } from './deepseek';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';

/** Qwen2's layers; those that predict further tokens (`mtp_layers`) are left out of the counts. */
export const mimo = decoderFamily({
  id: 'mimo',
  title: 'MiMo',
  release: remoteCode,
  types: { mimo: ['MiMoConfig', { attention_bias: true, use_sliding_window: false, tie_word_embeddings: false }] },
  architectures: /^MiMoForCausalLM/,
  record: ['attention_bias', 'use_sliding_window', 'num_nextn_predict_layers'],
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, outputBias: false },
    mlp: { ...llamaLayout.mlp, bias: false },
  },
});

/** Window layers with heads, a rotary base and a learned sink of their own beside full layers; values narrower than keys. */
export const mimoV2 = decoderFamily({
  id: 'mimo_v2',
  title: 'MiMo-V2',
  release: transformers5,
  types: {
    mimo_v2_flash: [
      'MiMoV2FlashConfig',
      {
        vocab_size: 152576,
        hidden_size: 4096,
        intermediate_size: 16384,
        num_hidden_layers: 48,
        num_attention_heads: 64,
        num_key_value_heads: 4,
        head_dim: 192,
        v_head_dim: 128,
        hidden_act: 'silu',
        max_position_embeddings: 131072,
        rms_norm_eps: 1e-5,
        rope_theta: 5000000,
        partial_rotary_factor: 0.334,
        sliding_window: 128,
        moe_intermediate_size: 2048,
        num_experts_per_tok: 8,
        n_routed_experts: 256,
        attention_bias: false,
        add_swa_attention_sink_bias: false,
        add_full_attention_sink_bias: false,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^MiMoV2FlashFor/,
  record: ['attention_bias', 'add_swa_attention_sink_bias', 'add_full_attention_sink_bias', 'num_nextn_predict_layers'],
  choice: (reader) => (reader.has('swa_rope_theta') ? { windowRope: { thetaKey: 'swa_rope_theta' } } : {}),
  layout: {
    ...llamaLayout,
    attention: {
      ...llamaLayout.attention,
      outputBias: false,
      sinks: (part, { attention }) =>
        flag(part, attention.kind === 'window' ? 'add_swa_attention_sink_bias' : 'add_full_attention_sink_bias')
          ? 'attention_sink_bias'
          : undefined,
    },
    mlp: { ...llamaLayout.mlp, bias: false },
    experts: deepseekExperts(true),
  },
});
