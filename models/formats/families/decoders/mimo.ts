import { decoderFamily } from '../shared/decoder-family';
import { deepseekExperts } from './deepseek';
import { amount, flag } from '../shared/family';
import { groupedKeys, groupedSigmoid } from '../shared/routers';
import { llamaLayout } from './llama';
import { qwen2Keys } from './qwen';
import { honoured, idle, llamaLikeKeys, only } from '../shared/run-keys';

/** Qwen2's layers; those that predict further tokens (`mtp_layers`) are left out of the counts. */
export const mimo = decoderFamily({
  id: 'mimo',
  title: 'MiMo',
  types: ['mimo'],
  architectures: /^MiMoForCausalLM/,
  run: {
    ...qwen2Keys,
    ...only([true], 'attention_bias'),
    ...only([false], 'use_mrope'),
    ...idle('layers that predict further tokens are not run', 'num_nextn_predict_layers'),
  },
  record: ['attention_bias', 'num_nextn_predict_layers'],
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
  types: ['mimo_v2_flash'],
  architectures: /^MiMoV2FlashFor/,
  record: ['attention_bias', 'add_swa_attention_sink_bias', 'add_full_attention_sink_bias', 'num_nextn_predict_layers'],
  run: {
    ...llamaLikeKeys,
    ...groupedKeys,
    ...honoured('layernorm_epsilon', 'v_head_dim', 'attention_bias', 'attention_value_scale', 'partial_rotary_factor'),
    ...honoured('sliding_window', 'sliding_window_size', 'hybrid_layer_pattern', 'moe_layer_freq', 'layer_types'),
    ...honoured(
      'swa_num_attention_heads',
      'swa_num_key_value_heads',
      'swa_head_dim',
      'swa_v_head_dim',
      'swa_rope_theta',
    ),
    ...honoured('add_swa_attention_sink_bias', 'add_full_attention_sink_bias'),
    ...only(['sigmoid', null], 'scoring_func'),
    ...only(['noaux_tc', null], 'topk_method'),
    ...idle('the window of the layers that have one', 'attention_chunk_size'),
  },
  computes: {
    narrowValues: true,
    router: groupedSigmoid,
    attentionFactors: (part) => ({ query: 1, key: 1, value: amount(part, 'attention_value_scale') ?? 1, output: 1 }),
  },
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
