import { decoderFamily } from '../shared/decoder-family';
import { flag } from '../shared/family';

export const mpt = decoderFamily({
  id: 'mpt',
  title: 'MPT',
  types: ['mpt'],
  architectures: /^M[pP][tT]For/,
  tied: true,
  record: ['no_bias', 'expansion_ratio'],
  choice: (reader) => {
    const attention = reader.child('attn_config');
    const hidden = reader.integer('hidden_size') ?? 0;
    const ratio = reader.number('expansion_ratio') ?? 4;
    const heads = reader.integer('num_attention_heads') ?? 0;
    const kind = attention?.string('attn_type');
    const grouped = attention?.integer('kv_n_heads', 1);
    return {
      gated: false,
      norm: 'layer',
      positions:
        attention?.boolean('alibi') === false ? (attention.boolean('rope') === true ? 'rope' : 'learned') : 'alibi',
      kvHeads: kind === 'multiquery_attention' ? 1 : (grouped ?? heads),
      intermediateSize: Math.floor(ratio * hidden),
    };
  },
  layout: {
    root: 'transformer.',
    embedding: 'wte',
    layer: 'blocks.{layer}.',
    attention: {
      prefix: 'attn.',
      projections: ['Wqkv'],
      output: 'out_proj',
      inputBias: (part) => !flag(part, 'no_bias', true),
      outputBias: (part) => !flag(part, 'no_bias', true),
    },
    mlp: { prefix: 'ffn.', inputs: ['up_proj'], output: 'down_proj', bias: (part) => !flag(part, 'no_bias', true) },
    norms: ['norm_1', 'norm_2'],
    normBias: (part) => !flag(part, 'no_bias', true),
    finalNorm: 'norm_f',
    positions: { name: 'wpe' },
  },
});
