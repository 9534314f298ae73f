import { decoderFamily } from '../shared/decoder-family';
import { groupedKeys, groupedSigmoid } from '../shared/routers';
import { deepseekExperts, latentKeys, latentScale } from './deepseek';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';
import { honoured, llamaLikeKeys } from '../shared/run-keys';

const layout = {
  ...llamaLayout,
  attention: { ...llamaLayout.attention, outputBias: false },
  mlp: { prefix: 'mlp.', inputs: ['gate_up_proj'], fused: true, output: 'down_proj' },
} as const;

/** The first in transformers' own format; the ChatGLM models before have remote code. */
export const glm = decoderFamily({
  id: 'glm',
  title: 'GLM-4',
  types: ['glm'],
  architectures: /^GlmFor/,
  run: { ...llamaLikeKeys, ...honoured('attention_bias', 'partial_rotary_factor') },
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout,
});

/** GLM-4-0414: norms after attention and network as well as before. */
export const glm4 = decoderFamily({
  id: 'glm4',
  title: 'GLM-4-0414',
  types: ['glm4'],
  architectures: /^Glm4For/,
  run: { ...llamaLikeKeys, ...honoured('attention_bias', 'partial_rotary_factor') },
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: {
    ...layout,
    norms: ['input_layernorm', 'post_self_attn_layernorm', 'post_attention_layernorm', 'post_mlp_layernorm'],
  },
});

export const glm4Moe = decoderFamily({
  id: 'glm4_moe',
  title: 'GLM-4.5',
  types: ['glm4_moe'],
  architectures: /^Glm4MoeFor/,
  run: { ...llamaLikeKeys, ...groupedKeys, ...honoured('attention_bias', 'partial_rotary_factor', 'use_qk_norm') },
  record: ['num_nextn_predict_layers'],
  computes: { router: groupedSigmoid },
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
  types: ['glm4_moe_lite'],
  architectures: /^Glm4MoeLiteFor/,
  run: { ...llamaLikeKeys, ...groupedKeys, ...latentKeys, ...honoured('mlp_layer_types') },
  record: ['num_nextn_predict_layers'],
  computes: { scale: latentScale, router: groupedSigmoid },
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: { ...llamaLayout, experts: deepseekExperts(true), mlp: { ...llamaLayout.mlp, bias: false } },
});
