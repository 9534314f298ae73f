import { decoderFamily } from '../shared/decoder-family';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';

/** Attention and network in parallel behind one norm without bias. */
export const cohere = decoderFamily({
  id: 'cohere',
  title: 'Cohere',
  types: ['cohere', 'cohere2'],
  architectures: /^Cohere2?For/,
  tied: true,
  record: ['attention_bias', 'use_qk_norm', 'logit_scale'],
  choice: (reader) => ({
    norm: 'layer',
    rope: { layout: 'interleaved' },
    ...(reader.object['model_type'] === 'cohere2' ? { unrotated: (_index, kind) => kind === 'full' } : {}),
  }),
  layout: {
    ...llamaLayout,
    attention: {
      ...llamaLayout.attention,
      norm: (part) => (flag(part, 'use_qk_norm') ? 'stacked' : undefined),
    },
    mlp: { prefix: 'mlp.', inputs: ['gate_proj', 'up_proj'], output: 'down_proj' },
    norms: ['input_layernorm'],
  },
});
