import { alibiSlopes } from '../../../../kernels/mechanisms/alibi-slopes';
import { honoured, idle, idleOfText, only } from '../shared/run-keys';
import { decoderFamily } from '../shared/decoder-family';

export const bloom = decoderFamily({
  id: 'bloom',
  title: 'BLOOM',
  types: ['bloom'],
  architectures: /^Bloom/,
  tied: true,
  run: {
    ...idleOfText,
    ...honoured('vocab_size', 'hidden_size', 'n_layer', 'n_head', 'layer_norm_epsilon', 'tie_word_embeddings'),
    ...honoured('num_hidden_layers', 'num_attention_heads', 'n_embed'),
    ...idle('ALiBi has no table that ends', 'seq_length', 'max_position_embeddings'),
    ...only([false], 'apply_residual_connection_post_layernorm'),
    ...idle('the same products in pieces', 'pretraining_tp', 'slow_but_exact'),
  },
  computes: {
    fused: ({ heads }) => ({ groups: heads }),
    alibi: ({ heads }) => ({ slopes: alibiSlopes(heads) }),
    activation: () => 'gelu_pytorch_tanh',
  },
  choice: (reader) => {
    const hidden = reader.integer('hidden_size') ?? 0;
    return {
      gated: false,
      norm: 'layer',
      positions: 'alibi',
      intermediateSize: 4 * hidden,
      // seq_length is the training length: ALiBi has no table that ends.
    };
  },
  layout: {
    root: 'transformer.',
    embedding: 'word_embeddings',
    layer: 'h.{layer}.',
    attention: {
      prefix: 'self_attention.',
      projections: ['query_key_value'],
      output: 'dense',
      inputBias: true,
      outputBias: true,
    },
    mlp: { prefix: 'mlp.', inputs: ['dense_h_to_4h'], output: 'dense_4h_to_h', bias: true },
    norms: ['input_layernorm', 'post_attention_layernorm'],
    normBias: true,
    finalNorm: 'ln_f',
    embeddingNorm: 'word_embeddings_layernorm',
  },
});
