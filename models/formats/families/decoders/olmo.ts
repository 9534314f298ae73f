import { decoderFamily } from '../shared/decoder-family';
import type { Computation } from '../shared/computation';
import type { DecoderLayout } from '../shared/decoder-layout';
import { separateExperts } from '../shared/decoder-layout';
import { amount } from '../shared/family';
import { softmaxByKey } from '../shared/routers';
import { honoured, llamaLikeKeys, rotaryDecoderKeys, routerIdle } from '../shared/run-keys';
import { llamaLayout } from './llama';

/** OLMo's layer norm has no learned tensors. */
export const olmo = decoderFamily({
  id: 'olmo',
  title: 'OLMo',
  types: ['olmo'],
  architectures: /^OlmoFor/,
  run: { ...rotaryDecoderKeys, ...honoured('attention_bias', 'clip_qkv') },
  computes: {
    norms: ['attention', 'network'],
    plainFinalNorm: true,
    clip: (part) => amount(part, 'clip_qkv'),
  },
  choice: () => ({ norm: 'layer' }),
  layout: {
    root: llamaLayout.root,
    embedding: llamaLayout.embedding,
    layer: llamaLayout.layer,
    attention: llamaLayout.attention,
    mlp: { prefix: 'mlp.', inputs: ['gate_proj', 'up_proj'], output: 'down_proj' },
    norms: [],
  },
});

export const normsBehind: Computation = { norms: ['attention.output', 'network.output'] };

const olmo2Layout: DecoderLayout = {
  ...llamaLayout,
  attention: { ...llamaLayout.attention, norm: () => 'all' },
  norms: ['post_attention_layernorm', 'post_feedforward_layernorm'],
};

/** Norms after attention and network instead of before, and over all heads of query and key together. */
export const olmo2 = decoderFamily({
  id: 'olmo2',
  title: 'OLMo 2',
  types: ['olmo2'],
  architectures: /^Olmo2For/,
  run: { ...llamaLikeKeys, ...honoured('attention_bias') },
  computes: normsBehind,
  layout: olmo2Layout,
});

/** Three layers with a window, which rotate without scaling, then a full one. */
export const olmo3 = decoderFamily({
  id: 'olmo3',
  title: 'OLMo 3',
  types: ['olmo3'],
  architectures: /^Olmo3For/,
  run: { ...llamaLikeKeys, ...honoured('attention_bias', 'sliding_window', 'layer_types') },
  computes: normsBehind,
  choice: () => ({ windowed: (index) => (index + 1) % 4 !== 0, windowRope: { unscaled: true } }),
  layout: olmo2Layout,
});

/** Norms over all heads of query and key together, and experts in every layer. */
export const olmoe = decoderFamily({
  id: 'olmoe',
  title: 'OLMoE',
  types: ['olmoe'],
  architectures: /^OlmoeFor/,
  run: {
    ...llamaLikeKeys,
    ...honoured('attention_bias', 'clip_qkv', 'num_experts', 'num_local_experts', 'num_experts_per_tok'),
    ...honoured('norm_topk_prob'),
    ...routerIdle,
  },
  computes: { router: softmaxByKey, clip: (part) => amount(part, 'clip_qkv') },
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, norm: () => 'all' },
    experts: separateExperts({
      prefix: 'mlp.',
      router: 'gate',
      projections: ['gate_proj', 'up_proj', 'down_proj'],
    }),
  },
});
