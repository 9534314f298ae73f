import { decoderFamily } from '../shared/decoder-family';
import { separateExperts } from '../shared/decoder-layout';
import { llamaLayout } from './llama';

/** OLMo's layer norm has no learned tensors. */
export const olmo = decoderFamily({
  id: 'olmo',
  title: 'OLMo',
  types: ['olmo'],
  architectures: /^OlmoFor/,
  record: ['attention_bias', 'clip_qkv'],
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

/** Norms after attention and network instead of before, and over all heads of query and key together. */
export const olmo2 = decoderFamily({
  id: 'olmo2',
  title: 'OLMo 2',
  types: ['olmo2', 'olmo3'],
  architectures: /^Olmo[23]For/,
  record: ['attention_bias'],
  choice: (reader) =>
    reader.object['model_type'] === 'olmo3' ? { windowed: (index: number) => (index + 1) % 4 !== 0 } : {},
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, norm: () => 'all' },
    norms: ['post_attention_layernorm', 'post_feedforward_layernorm'],
  },
});

/** Norms over all heads of query and key together, and experts in every layer. */
export const olmoe = decoderFamily({
  id: 'olmoe',
  title: 'OLMoE',
  types: ['olmoe'],
  architectures: /^OlmoeFor/,
  record: ['attention_bias', 'clip_qkv'],
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
