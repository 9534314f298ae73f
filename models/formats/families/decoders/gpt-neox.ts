import { decoderFamily } from '../shared/decoder-family';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';
import { activations, honoured, idle, idleOfText, only, rotaryDecoderKeys } from '../shared/run-keys';

const gptNeoXKeys = {
  ...idleOfText,
  ...honoured('vocab_size', 'hidden_size', 'num_hidden_layers', 'num_attention_heads', 'intermediate_size'),
  ...honoured('max_position_embeddings', 'layer_norm_eps', 'attention_bias', 'use_parallel_residual'),
  ...honoured('rope_parameters', 'rope_scaling', 'rope_theta', 'rotary_emb_base', 'rotary_pct'),
  ...honoured('partial_rotary_factor', 'tie_word_embeddings'),
  ...only(activations, 'hidden_act'),
  ...idle('the class only warns about it', 'is_decoder'),
  ...idle('the class has as many key/value heads as heads', 'num_key_value_heads'),
};

export const gptNeoX = decoderFamily({
  id: 'gpt_neox',
  title: 'GPT-NeoX',
  types: ['gpt_neox'],
  architectures: /^GPTNeoX/,
  run: gptNeoXKeys,
  choice: () => ({ gated: false, norm: 'layer' }),
  computes: {
    parallel: (part) => flag(part, 'use_parallel_residual', true),
    fused: ({ heads }) => ({ groups: heads }),
  },
  layout: {
    root: 'gpt_neox.',
    embedding: 'embed_in',
    layer: 'layers.{layer}.',
    attention: {
      prefix: 'attention.',
      projections: ['query_key_value'],
      output: 'dense',
      inputBias: (part) => flag(part, 'attention_bias', true),
      outputBias: (part) => flag(part, 'attention_bias', true),
    },
    mlp: { prefix: 'mlp.', inputs: ['dense_h_to_4h'], output: 'dense_4h_to_h', bias: true },
    norms: ['input_layernorm', 'post_attention_layernorm'],
    normBias: true,
    finalNorm: 'final_layer_norm',
    head: 'embed_out',
  },
});

/** One projection of a bias alone, the output of the last layer's attention; no branch is parallel. */
export const gptNeoXJapanese = decoderFamily({
  id: 'gpt_neox_japanese',
  title: 'GPT-NeoX Japanese',
  types: ['gpt_neox_japanese'],
  architectures: /^GPTNeoXJapanese/,
  tied: true,
  run: {
    ...idleOfText,
    ...honoured('vocab_size', 'hidden_size', 'num_hidden_layers', 'num_attention_heads', 'max_position_embeddings'),
    ...honoured('intermediate_multiple_size', 'layer_norm_eps', 'tie_word_embeddings', 'partial_rotary_factor'),
    ...honoured('rope_parameters', 'rope_scaling', 'rope_theta', 'rotary_emb_base', 'rotary_pct'),
    ...only(activations, 'hidden_act'),
    ...idle('the class reads tie_word_embeddings', 'weight_tying'),
    ...idle('the class has none of it', 'is_decoder', 'type_vocab_size'),
  },
  choice: (reader) => ({
    gated: false,
    norm: 'layer',
    intermediateSize: (reader.integer('hidden_size') ?? 0) * (reader.integer('intermediate_multiple_size', 1) ?? 4),
  }),
  computes: { fused: ({ heads }) => ({ groups: heads }) },
  layout: {
    root: 'gpt_neox_japanese.',
    embedding: 'embed_in',
    layer: 'layers.{layer}.',
    attention: {
      prefix: 'attention.',
      projections: ['query_key_value'],
      output: 'dense',
      ownBias: 'dense_bias',
    },
    mlp: { prefix: 'mlp.', inputs: ['dense_h_to_4h'], output: 'dense_4h_to_h' },
    norms: ['input_layernorm', 'post_attention_layernorm'],
    normBias: true,
    finalNorm: 'final_layer_norm',
    head: 'embed_out',
  },
});

export const stableLm = decoderFamily({
  id: 'stablelm',
  title: 'StableLM',
  types: ['stablelm', 'stablelm_epoch'],
  architectures: /^StableL[mM]/,
  run: {
    ...rotaryDecoderKeys,
    ...honoured('layer_norm_eps', 'partial_rotary_factor', 'qk_layernorm', 'use_parallel_residual', 'use_qkv_bias'),
    // Keys of the code that the first checkpoints bring.
    ...honoured('norm_eps', 'rope_pct', 'num_heads'),
    ...only([1, null], 'rotary_scaling_factor'),
  },
  choice: () => ({ norm: 'layer' }),
  layout: {
    ...llamaLayout,
    attention: {
      prefix: 'self_attn.',
      projections: ['q_proj', 'k_proj', 'v_proj'],
      output: 'o_proj',
      inputBias: (part) => flag(part, 'use_qkv_bias'),
      norm: (part) => (flag(part, 'qk_layernorm') ? 'each' : undefined),
      normNames: ['q_layernorm', 'k_layernorm'],
    },
    mlp: { prefix: 'mlp.', inputs: ['gate_proj', 'up_proj'], output: 'down_proj' },
    norms: (part) =>
      flag(part, 'use_parallel_residual') ? ['input_layernorm'] : ['input_layernorm', 'post_attention_layernorm'],
    normBias: true,
  },
});
