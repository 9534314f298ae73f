import { decoderFamily } from '../shared/decoder-family';
import { deepseekExperts } from './deepseek';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';
import { qwen2Keys } from './qwen';
import { idle, only } from '../shared/run-keys';

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
