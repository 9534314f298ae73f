import { decoderFamily } from '../shared/decoder-family';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';

const values = {
  vocab_size: 256000,
  hidden_size: 8192,
  intermediate_size: 22528,
  num_hidden_layers: 40,
  num_attention_heads: 64,
  hidden_act: 'silu',
  max_position_embeddings: 8192,
  layer_norm_eps: 1e-5,
  rope_theta: 10000,
  logit_scale: 0.0625,
  attention_bias: false,
  pad_token_id: 0,
  bos_token_id: 5,
  eos_token_id: 255001,
  tie_word_embeddings: true,
};

/** Attention and network in parallel behind one norm without bias. */
export const cohere = decoderFamily({
  id: 'cohere',
  title: 'Cohere',
  types: {
    cohere: ['CohereConfig', { ...values, use_qk_norm: false }],
    cohere2: ['Cohere2Config', { ...values, sliding_window: 4096, sliding_window_pattern: 4 }],
  },
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
