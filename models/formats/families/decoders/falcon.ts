import type { ModelPart } from '../../model-description';
import { alibiSlopes } from '../../../../kernels/mechanisms/alibi-slopes';
import { decoderFamily } from '../shared/decoder-family';
import { amount, flag, word } from '../shared/family';
import { activations, honoured, idleOfText, only } from '../shared/run-keys';

/** Falcon-40B and -180B have two norms before the parallel branches, Falcon-7B one, the RW models one before each branch. */
function norms(part: ModelPart): readonly string[] {
  const grouped = flag(part, 'new_decoder_architecture');
  const count = amount(part, 'num_ln_in_parallel_attn') ?? (grouped ? 2 : 1);
  if (grouped && count === 2) return ['ln_attn', 'ln_mlp'];
  return flag(part, 'parallel_attn', true) ? ['input_layernorm'] : ['input_layernorm', 'post_attention_layernorm'];
}

export const falcon = decoderFamily({
  id: 'falcon',
  title: 'Falcon',
  types: ['falcon', 'RefinedWebModel', 'RefinedWeb'],
  architectures: /^(Falcon(For|Model)|RWForCausalLM)/,
  tied: true,
  run: {
    ...idleOfText,
    ...honoured('vocab_size', 'hidden_size', 'num_hidden_layers', 'num_attention_heads', 'num_kv_heads'),
    ...honoured('max_position_embeddings', 'layer_norm_epsilon', 'ffn_hidden_size', 'tie_word_embeddings'),
    ...honoured('alibi', 'new_decoder_architecture', 'multi_query', 'parallel_attn', 'bias', 'num_ln_in_parallel_attn'),
    ...honoured('rope_parameters', 'rope_scaling', 'rope_theta'),
    ...only(activations, 'activation'),
  },
  computes: {
    parallel: (part) => flag(part, 'parallel_attn', true) || flag(part, 'new_decoder_architecture'),
    fused: ({ kvHeads }) => ({ groups: kvHeads }),
    alibi: ({ heads }) => ({ slopes: alibiSlopes(heads), rounded: true }),
    activation: (part) => word(part, 'activation'),
  },
  choice: (reader) => {
    const heads = reader.integer('num_attention_heads') ?? 0;
    const hidden = reader.integer('hidden_size') ?? 0;
    const grouped = reader.boolean('new_decoder_architecture') === true;
    const single = !grouped && reader.boolean('multi_query') === true;
    if (single) reader.derive('num_kv_heads', 1, 'multi_query without new_decoder_architecture');
    return {
      gated: false,
      norm: 'layer',
      positions: reader.boolean('alibi') === true ? 'alibi' : 'rope',
      kvHeads: single ? 1 : (reader.integer('num_key_value_heads', 1) ?? heads),
      intermediateSize: reader.integer('ffn_hidden_size', 1) ?? 4 * hidden,
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
      inputBias: (part) => flag(part, 'bias'),
      outputBias: (part) => flag(part, 'bias'),
    },
    mlp: {
      prefix: 'mlp.',
      inputs: ['dense_h_to_4h'],
      output: 'dense_4h_to_h',
      bias: (part) => flag(part, 'bias'),
    },
    norms,
    normBias: true,
    finalNorm: 'ln_f',
  },
});
