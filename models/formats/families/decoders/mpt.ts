import { alibiSlopes } from '../../../../kernels/mechanisms/alibi-slopes';
import { isObject } from '../../config/config-reader';
import type { ModelPart } from '../../model-description';
import { honoured, idle, idleOfText, nested, only } from '../shared/run-keys';
import { decoderFamily } from '../shared/decoder-family';
import { flag } from '../shared/family';

/** A number of `attn_config`. */
function inner({ fields }: ModelPart, key: string): number | undefined {
  const object = fields['attn_config']?.value;
  const value = isObject(object) ? object[key] : undefined;
  return typeof value === 'number' ? value : undefined;
}

export const mpt = decoderFamily({
  id: 'mpt',
  title: 'MPT',
  types: ['mpt'],
  architectures: /^M[pP][tT]For/,
  tied: true,
  run: {
    ...idleOfText,
    ...honoured('vocab_size', 'd_model', 'n_layers', 'n_heads', 'max_seq_len', 'expansion_ratio', 'layer_norm_epsilon'),
    ...honoured('hidden_size', 'num_hidden_layers', 'num_attention_heads', 'tie_word_embeddings'),
    ...idle('ALiBi has no table that ends', 'max_position_embeddings'),
    // The class gives no projection and no norm a bias, whatever stands here.
    ...only([true], 'no_bias'),
    ...only([null], 'logit_scale'),
    ...only([1], 'embedding_fraction'),
    ...idle('the class has no table of positions', 'learned_pos_emb'),
    ...idle('where and how weights are first made, and their norms kept', 'init_device', 'norm_type'),
    ...nested('attn_config', {
      ...honoured('softmax_scale', 'clip_qkv', 'alibi_bias_max'),
      ...only([true], 'alibi'),
      ...only(['multihead_attention'], 'attn_type'),
      ...only([false], 'prefix_lm', 'qk_ln', 'attn_uses_sequence_id'),
      ...idle('drops activations in training alone', 'attn_pdrop'),
      ...idle('which program computes it', 'attn_impl'),
    }),
  },
  record: ['attn_config'],
  computes: {
    activation: () => 'gelu',
    alibi: (part, { attention: { heads } }) => {
      const factor = (inner(part, 'alibi_bias_max') ?? 8) / 8;
      return { slopes: alibiSlopes(heads).map((slope) => slope ** factor) };
    },
    scale: (part, { attention }) => inner(part, 'softmax_scale') ?? attention.headDim ** -0.5,
    clip: (part) => inner(part, 'clip_qkv'),
  },
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
