/** Tiny encoder-decoders of random weights: BART (learned positions, norms of sums) and T5 (buckets of distances, norms before). */
import type { Checkpoint } from './planted-circuit';
import { randomCheckpoint } from './tiny-experts';

const families = {
  bart: {
    ...{ architectures: ['BartForConditionalGeneration'], model_type: 'bart', d_model: 24, vocab_size: 61 },
    ...{ encoder_layers: 2, encoder_attention_heads: 3, encoder_ffn_dim: 20 },
    ...{ decoder_layers: 3, decoder_attention_heads: 4, decoder_ffn_dim: 28 },
    ...{ max_position_embeddings: 40, activation_function: 'gelu', scale_embedding: false },
    ...{ bos_token_id: 0, pad_token_id: 1, eos_token_id: 2, decoder_start_token_id: 2, tie_word_embeddings: true },
  },
  t5: {
    ...{ architectures: ['T5ForConditionalGeneration'], model_type: 't5', d_model: 24, d_kv: 5, vocab_size: 61 },
    ...{ num_layers: 3, num_decoder_layers: 2, num_heads: 4, d_ff: 28, feed_forward_proj: 'gated-gelu' },
    ...{ relative_attention_num_buckets: 8, relative_attention_max_distance: 16, layer_norm_epsilon: 1e-6 },
    ...{ pad_token_id: 0, eos_token_id: 1, decoder_start_token_id: 0, tie_word_embeddings: true },
  },
  /** Encoder layer 1 and decoder layers 0 and 1 have experts. */
  switch_transformers: {
    ...{ architectures: ['SwitchTransformersForConditionalGeneration'], model_type: 'switch_transformers' },
    ...{ d_model: 24, d_kv: 5, vocab_size: 61, num_layers: 2, num_decoder_layers: 2, num_heads: 4, d_ff: 28 },
    ...{ num_experts: 6, num_sparse_encoder_layers: 1, num_sparse_decoder_layers: 2, expert_capacity: 32 },
    ...{ relative_attention_num_buckets: 8, relative_attention_max_distance: 16, dense_act_fn: 'relu' },
    ...{ pad_token_id: 0, eos_token_id: 1, decoder_start_token_id: 0, tie_word_embeddings: true },
  },
  fsmt: {
    ...{ architectures: ['FSMTForConditionalGeneration'], model_type: 'fsmt', d_model: 24, langs: ['en', 'de'] },
    ...{ src_vocab_size: 70, tgt_vocab_size: 61, activation_function: 'relu', scale_embedding: true },
    ...{ encoder_layers: 2, encoder_attention_heads: 3, encoder_ffn_dim: 20 },
    ...{ decoder_layers: 2, decoder_attention_heads: 4, decoder_ffn_dim: 28, max_position_embeddings: 40 },
    ...{ bos_token_id: 0, pad_token_id: 1, eos_token_id: 2, decoder_start_token_id: 2, tie_word_embeddings: false },
  },
  bigbird_pegasus: {
    ...{ architectures: ['BigBirdPegasusForConditionalGeneration'], model_type: 'bigbird_pegasus', d_model: 24 },
    ...{ vocab_size: 61, activation_function: 'relu', scale_embedding: true, use_bias: true },
    ...{ encoder_layers: 2, encoder_attention_heads: 3, encoder_ffn_dim: 20 },
    ...{ decoder_layers: 2, decoder_attention_heads: 4, decoder_ffn_dim: 28, max_position_embeddings: 40 },
    ...{ attention_type: 'block_sparse', block_size: 4, num_random_blocks: 1 },
    ...{ bos_token_id: 2, pad_token_id: 0, eos_token_id: 1, decoder_start_token_id: 2, tie_word_embeddings: true },
  },
} as const;

export type EncoderDecoderFamily = keyof typeof families;

/** With other keys of the config than the family's own. */
export const tinyEncoderDecoder = (
  family: EncoderDecoderFamily,
  keys: Readonly<Record<string, unknown>> = {},
): Checkpoint => randomCheckpoint({ ...families[family], ...keys });
