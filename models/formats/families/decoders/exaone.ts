import { decoderFamily } from '../shared/decoder-family';
import { remoteCode, transformers5 } from '../shared/family-row';
import { llamaLayout } from './llama';

const noBias = { inputBias: false, outputBias: false } as const;

/** EXAONE 3.0 and 3.5. */
export const exaone = decoderFamily({
  id: 'exaone',
  title: 'EXAONE 3',
  release: remoteCode,
  types: { exaone: ['ExaoneConfig', { rope_theta: 10000 }] },
  architectures: /^ExaoneFor/,
  tied: true,
  choice: () => ({ norm: 'rms' }),
  layout: {
    root: 'transformer.',
    embedding: 'wte',
    layer: 'h.{layer}.',
    attention: {
      prefix: 'attn.attention.',
      projections: ['q_proj', 'k_proj', 'v_proj'],
      output: 'out_proj',
      ...noBias,
    },
    mlp: { prefix: 'mlp.', inputs: ['c_fc_0', 'c_fc_1'], output: 'c_proj' },
    norms: ['ln_1', 'ln_2'],
    finalNorm: 'ln_f',
  },
});

const exaone4Values = {
  vocab_size: 102400,
  hidden_size: 4096,
  intermediate_size: 16384,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  hidden_act: 'silu',
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  sliding_window: 4096,
  sliding_window_pattern: 4,
  bos_token_id: 0,
  eos_token_id: 2,
  tie_word_embeddings: false,
};

/** Norms after attention and network alone; where some layers have a window, only these rotate. */
export const exaone4 = decoderFamily({
  id: 'exaone4',
  title: 'EXAONE 4',
  release: transformers5,
  types: {
    exaone4: ['Exaone4Config', exaone4Values],
    exaone4_5_text: ['Exaone4Config', exaone4Values],
  },
  architectures: /^Exaone4For/,
  choice: (reader) => {
    const mixed = reader.integer('sliding_window', 1) !== undefined;
    return { unrotated: (_index, kind) => mixed && kind === 'full' };
  },
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, ...noBias, norm: () => 'head' },
    mlp: { ...llamaLayout.mlp, bias: false },
    norms: ['post_attention_layernorm', 'post_feedforward_layernorm'],
  },
});
