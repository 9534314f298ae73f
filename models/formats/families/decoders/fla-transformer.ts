import { numberOf } from '../../config/recurrent-state';
import { decoderFamily } from '../shared/decoder-family';
import { flag } from '../shared/family';
import { honoured, idle, idleOfText, only } from '../shared/run-keys';
import { llamaLayout } from './llama';

/** The Transformer with which flash-linear-attention compares its recurrences: Llama under names of its own. */
export const flaTransformer = decoderFamily({
  id: 'fla_transformer',
  title: 'Transformer (flash-linear-attention)',
  types: ['transformer'],
  architectures: /^TransformerForCausalLM$/,
  record: ['qkv_bias'],
  run: {
    ...idleOfText,
    ...honoured('vocab_size', 'hidden_size', 'num_hidden_layers', 'num_heads', 'num_kv_heads', 'num_attention_heads'),
    ...honoured('num_key_value_heads', 'hidden_ratio', 'intermediate_size', 'norm_eps', 'rope_theta', 'window_size'),
    ...honoured('sliding_window', 'max_position_embeddings', 'tie_word_embeddings', 'qkv_bias'),
    ...only(['swish', 'silu'], 'hidden_act'),
    ...only([false, null], 'qk_norm', 'attention_bias'),
    ...only([true, null], 'elementwise_affine'),
    ...idle('the same numbers in fewer passes', 'fuse_norm', 'fuse_swiglu', 'fuse_cross_entropy'),
    ...idle('a loss of training', 'fuse_linear_cross_entropy', 'use_l2warp'),
  },
  choice: (reader) => {
    const look = numberOf(reader);
    const hidden = reader.integer('hidden_size') ?? 0;
    const window = look('window_size');
    return {
      norm: 'rms',
      // Two thirds of hidden_ratio x the width, up to a multiple of 256.
      intermediateSize:
        look('intermediate_size') ?? 256 * Math.ceil(Math.trunc((hidden * (look('hidden_ratio') ?? 4) * 2) / 3) / 256),
      ...(window === undefined ? {} : { window }),
    };
  },
  layout: {
    ...llamaLayout,
    embedding: 'embeddings',
    attention: {
      ...llamaLayout.attention,
      prefix: 'attn.',
      inputBias: (part) => flag(part, 'qkv_bias'),
      outputBias: false,
    },
    mlp: { ...llamaLayout.mlp, bias: false },
    norms: ['attn_norm', 'mlp_norm'],
  },
});
