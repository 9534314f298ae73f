import { decoderFamily } from '../shared/decoder-family';
import { separateExperts } from '../shared/decoder-layout';
import { llamaLayout } from './llama';

const values = {
  vocab_size: 50304,
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  hidden_act: 'silu',
  max_position_embeddings: 2048,
  rope_theta: 10000,
  attention_bias: false,
  pad_token_id: 1,
  eos_token_id: 50279,
  tie_word_embeddings: false,
};

/** OLMo's layer norm has no learned tensors. */
export const olmo = decoderFamily({
  id: 'olmo',
  title: 'OLMo',
  types: { olmo: ['OlmoConfig', { ...values, clip_qkv: null }] },
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

const olmo2Values = { ...values, vocab_size: 100352, rms_norm_eps: 1e-5 };

/** Norms after attention and network instead of before, and over all heads of query and key together. */
export const olmo2 = decoderFamily({
  id: 'olmo2',
  title: 'OLMo 2',
  types: {
    olmo2: ['Olmo2Config', { ...olmo2Values, vocab_size: 50304 }],
    olmo3: ['Olmo3Config', { ...olmo2Values, vocab_size: 50304, sliding_window: 4096 }],
  },
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
  types: {
    olmoe: [
      'OlmoeConfig',
      {
        ...values,
        hidden_size: 2048,
        intermediate_size: 2048,
        num_hidden_layers: 16,
        num_attention_heads: 16,
        max_position_embeddings: 4096,
        rms_norm_eps: 1e-5,
        clip_qkv: null,
        num_experts_per_tok: 8,
        num_experts: 64,
      },
    ],
  },
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
