import { decoderFamily } from './decoder-family';
import { flag } from './family';
import { llamaLayout } from './llama';

export const phi = decoderFamily({
  id: 'phi',
  title: 'Phi',
  types: {
    phi: [
      'PhiConfig',
      {
        vocab_size: 51200,
        hidden_size: 2048,
        intermediate_size: 8192,
        num_hidden_layers: 24,
        num_attention_heads: 32,
        hidden_act: 'gelu_new',
        max_position_embeddings: 2048,
        layer_norm_eps: 1e-5,
        rope_theta: 10000,
        partial_rotary_factor: 0.5,
        qk_layernorm: false,
        bos_token_id: 1,
        eos_token_id: 2,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^PhiFor/,
  record: ['qk_layernorm'],
  choice: (reader) => {
    // Files of the first release: rotary_dim instead of a factor, and 4 * n_embd where n_inner is null.
    const dimensions = reader.has('rotary_dim') ? reader.integer('rotary_dim', 1) : undefined;
    const hidden = reader.integer('hidden_size') ?? 0;
    return {
      gated: false,
      norm: 'layer',
      ...(dimensions === undefined ? {} : { rope: { dimensions } }),
      ...(reader.has('n_inner') && reader.raw('n_inner') === null ? { intermediateSize: 4 * hidden } : {}),
    };
  },
  layout: {
    ...llamaLayout,
    attention: {
      prefix: 'self_attn.',
      projections: ['q_proj', 'k_proj', 'v_proj'],
      output: 'dense',
      inputBias: true,
      outputBias: true,
      norm: (part) => (flag(part, 'qk_layernorm') ? 'head' : undefined),
      normNames: ['q_layernorm', 'k_layernorm'],
      normBias: true,
    },
    mlp: { prefix: 'mlp.', inputs: ['fc1'], output: 'fc2', bias: true },
    norms: ['input_layernorm'],
    normBias: true,
    finalNorm: 'final_layernorm',
    headBias: true,
  },
});

export const phi3 = decoderFamily({
  id: 'phi3',
  title: 'Phi-3',
  types: {
    phi3: [
      'Phi3Config',
      {
        vocab_size: 32064,
        hidden_size: 3072,
        intermediate_size: 8192,
        num_hidden_layers: 32,
        num_attention_heads: 32,
        hidden_act: 'silu',
        max_position_embeddings: 4096,
        original_max_position_embeddings: 4096,
        rms_norm_eps: 1e-5,
        rope_theta: 10000,
        partial_rotary_factor: 1,
        sliding_window: null,
        bos_token_id: 1,
        eos_token_id: 32000,
        pad_token_id: 32000,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^Phi3For/,
  layout: {
    ...llamaLayout,
    attention: { prefix: 'self_attn.', projections: ['qkv_proj'], output: 'o_proj' },
    mlp: { prefix: 'mlp.', inputs: ['gate_up_proj'], fused: true, output: 'down_proj' },
  },
});
