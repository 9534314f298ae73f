import type { ModelPart } from '../../model-description';
import { decoderFamily } from '../shared/decoder-family';
import { amount, flag } from '../shared/family';

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
  record: ['alibi', 'new_decoder_architecture', 'multi_query', 'parallel_attn', 'bias', 'num_ln_in_parallel_attn'],
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
