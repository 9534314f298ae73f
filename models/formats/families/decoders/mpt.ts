import { alibiSlopes } from '../../../../kernels/mechanisms/alibi-slopes';
import { isObject } from '../../config/config-reader';
import type { ModelPart } from '../../model-description';
import { honoured, idle, idleOfText, nested, only } from '../shared/run-keys';
import { decoderFamily } from '../shared/decoder-family';
import { amount, flag } from '../shared/family';

/** A number of `attn_config`. */
function inner({ fields }: ModelPart, key: string): number | undefined {
  const object = fields['attn_config']?.value;
  const value = isObject(object) ? object[key] : undefined;
  return typeof value === 'number' ? value : undefined;
}

type Bias = (part: ModelPart) => boolean;

/** What both forms name alike; `no_bias` has another default in each. */
function layoutOf(bias: Bias, mlp: { readonly prefix: string; readonly inputs: string[]; readonly output: string }) {
  return {
    root: 'transformer.',
    embedding: 'wte',
    layer: 'blocks.{layer}.',
    attention: {
      prefix: 'attn.',
      projections: ['Wqkv'] as const,
      output: 'out_proj',
      inputBias: bias,
      outputBias: bias,
    },
    mlp: { ...mlp, bias },
    normBias: bias,
    positions: { name: 'wpe' },
  };
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
    ...layoutOf((part) => !flag(part, 'no_bias', true), { prefix: 'ffn.', inputs: ['up_proj'], output: 'down_proj' }),
    norms: ['norm_1', 'norm_2'],
    finalNorm: 'norm_f',
  },
});

const hasBias = (part: ModelPart): boolean => !flag(part, 'no_bias');

const common = layoutOf(hasBias, { prefix: 'mlp.', inputs: ['mlp_up'], output: 'mlp_down' });

/**
 * The first form of MPT, published as MPT-1B and inside OpenFlamingo: the keys of attention are beside the other keys of the config, and
 * queries and keys may be normed (class MosaicGPT of the model's repository and of MosaicML's examples, read 2026-12-01).
 */
export const mosaicGpt = decoderFamily({
  id: 'mosaic_gpt',
  title: 'MPT (first form)',
  types: ['mosaic_gpt'],
  architectures: /^MosaicGPT/,
  tied: true,
  run: {
    ...idleOfText,
    ...honoured('vocab_size', 'd_model', 'n_layers', 'n_heads', 'max_seq_len', 'mlp_ratio', 'no_bias', 'alibi'),
    ...honoured('hidden_size', 'num_hidden_layers', 'num_attention_heads', 'max_position_embeddings'),
    ...honoured('alibi_bias_max', 'attn_qk_ln', 'softmax_scale'),
    // The class has no head of its own.
    ...only([true], 'tie_word_embeddings'),
    ...only([null], 'logit_scale', 'attn_clip_qkv'),
    ...only([1], 'embedding_fraction'),
    ...only([false], 'prefix_lm', 'attn_uses_sequence_id'),
    ...idle('which program computes it, and in what numbers', 'attn_impl', 'low_precision_layernorm'),
    ...idle('first values of weights that are stored', 'param_init_fn', 'init_div_is_residual', 'emb_init_std'),
    ...idle('first values of weights that are stored', 'emb_init_uniform_lim', 'fan_mode', 'init_gain', 'init_device'),
    ...idle('first values of weights that are stored', 'init_nonlinearity'),
    ...idle('what is printed', 'verbose'),
    ...idle('the tokenizer is beside the config', 'tokenizer_name'),
  },
  computes: {
    activation: () => 'gelu',
    epsilon: 1e-5,
    // As in the class, for any number of heads.
    alibi: (part, { attention: { heads } }) => ({
      slopes: Array.from(
        { length: heads },
        (_, h) => 2 ** (-((h + 1) * (amount(part, 'alibi_bias_max') ?? 8)) / heads),
      ),
    }),
    scale: (part, { attention }) => amount(part, 'softmax_scale') ?? attention.headDim ** -0.5,
  },
  choice: (reader) => ({
    gated: false,
    norm: 'layer',
    positions: reader.boolean('alibi') === true ? 'alibi' : 'learned',
    intermediateSize: Math.floor((reader.number('mlp_ratio') ?? 4) * (reader.integer('hidden_size') ?? 0)),
  }),
  layout: {
    ...common,
    attention: {
      ...common.attention,
      norm: (part) => (flag(part, 'attn_qk_ln') ? 'all' : undefined),
      normNames: ['q_ln', 'k_ln'],
      normBias: hasBias,
    },
    norms: ['ln_1', 'ln_2'],
    finalNorm: 'ln_f',
  },
});
