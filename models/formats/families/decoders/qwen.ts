import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import { decoderFamily } from '../shared/decoder-family';
import { separateExperts } from '../shared/decoder-layout';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';
import { softmaxByKey } from '../shared/routers';
import { honoured, llamaLikeKeys, only, routerIdle } from '../shared/run-keys';

/** The first `max_window_layers` layers attend to everything, the others have the window, if it is switched on at all. */
const windowed = (reader: ConfigReader): Partial<TransformerChoice> => {
  const first = reader.integer('max_window_layers') ?? 0;
  return { windowed: (index) => index >= first };
};

export const qwen2Keys = {
  ...llamaLikeKeys,
  ...honoured('use_sliding_window', 'sliding_window', 'max_window_layers', 'layer_types'),
};

const qwen2Attention = { ...llamaLayout.attention, inputBias: true, outputBias: false };

export const qwen2 = decoderFamily({
  id: 'qwen2',
  title: 'Qwen2',
  types: ['qwen2', 'qwen2_vl_text', 'qwen2_5_vl_text'],
  architectures: /^Qwen2For/,
  run: qwen2Keys,
  choice: windowed,
  layout: { ...llamaLayout, attention: qwen2Attention },
});

export const qwen3Attention = { ...llamaLayout.attention, norm: () => 'head' as const };

export const qwen3 = decoderFamily({
  id: 'qwen3',
  title: 'Qwen3',
  types: ['qwen3', 'qwen3_vl_text'],
  architectures: /^Qwen3For/,
  run: { ...qwen2Keys, ...honoured('attention_bias') },
  choice: windowed,
  layout: { ...llamaLayout, attention: qwen3Attention },
});

export const expertKeys = {
  ...honoured('num_experts', 'num_local_experts', 'num_experts_per_tok', 'moe_intermediate_size', 'norm_topk_prob'),
  ...honoured('decoder_sparse_step', 'mlp_only_layers'),
  ...routerIdle,
};

const projections = ['gate_proj', 'up_proj', 'down_proj'] as const;

export const qwen2Moe = decoderFamily({
  id: 'qwen2_moe',
  title: 'Qwen2 MoE',
  types: ['qwen2_moe'],
  architectures: /^Qwen2MoeFor/,
  run: {
    ...qwen2Keys,
    ...expertKeys,
    ...honoured('shared_expert_intermediate_size'),
    ...only([true], 'qkv_bias'),
  },
  computes: { router: softmaxByKey },
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

export const qwen3Moe = decoderFamily({
  id: 'qwen3_moe',
  title: 'Qwen3 MoE',
  types: ['qwen3_moe'],
  architectures: /^Qwen3MoeFor/,
  run: { ...qwen2Keys, ...expertKeys, ...honoured('attention_bias') },
  computes: { router: softmaxByKey },
  choice: windowed,
  layout: {
    ...llamaLayout,
    attention: qwen3Attention,
    experts: separateExperts({ prefix: 'mlp.', router: 'gate', projections }),
  },
});
