import { encoderFamily } from '../shared/encoder-family';
import { tokenHeads } from '../shared/encoder-heads';
import { word } from '../shared/family';
import { activations, honoured, idle, idleOfText, only } from '../shared/run-keys';

/**
 * Permuted language modelling (arXiv:1906.08237): in training a second stream of queries reads the same keys without the
 * word that it predicts. It remembers hidden states of earlier segments (`mem_len`), not keys and values.
 */
export const xlnet = encoderFamily({
  id: 'xlnet',
  title: 'XLNet',
  types: ['xlnet'],
  architectures: /^XLNet(Model|LMHead|For)/,
  record: ['ff_activation', 'attn_type', 'summary_use_proj', 'untie_r', 'mem_len'],
  run: {
    ...idleOfText,
    ...honoured('vocab_size', 'n_token', 'd_model', 'n_layer', 'n_head', 'd_inner', 'd_head', 'layer_norm_eps'),
    ...honoured('hidden_size', 'num_hidden_layers', 'num_attention_heads', 'tie_word_embeddings'),
    ...only(activations, 'ff_activation'),
    // With others a text is read from left to right, distances end, or a layer mixes two texts.
    ...only(['bi'], 'attn_type'),
    ...only([-1], 'clamp_len'),
    ...only([false], 'same_length', 'bi_data'),
    ...only([true, null], 'untie_r'),
    ...only(['last'], 'summary_type'),
    ...only(['tanh'], 'summary_activation'),
    ...only([true], 'summary_use_proj'),
    ...idle('what is remembered of earlier segments, of which a text has none', 'mem_len', 'reuse_len'),
    ...idle('what is remembered of earlier segments, of which a text has none', 'use_mems_eval', 'use_mems_train'),
    ...idle('what a class for spans gives', 'start_n_top', 'end_n_top'),
    ...idle('drops activations in training alone', 'summary_last_dropout'),
  },
  choice: (reader) => {
    const headDim = reader.integer('d_head', 1);
    return {
      positions: 'relative',
      causal: reader.raw('attn_type') === 'uni',
      intermediateSize: reader.integer('d_inner') ?? 0,
      ...(headDim === undefined ? {} : { headDim }),
      layerKinds: (count) =>
        Array.from({ length: count }, () => ({
          kind: 'full',
          note: 'in training a second stream of queries reads it',
        })),
    };
  },
  finish: (part) => {
    const activation = word(part, 'ff_activation');
    return activation === undefined ? part : { ...part, activation };
  },
  // Those for spans differ from class to class.
  heads: /(Model|LMHeadModel|ForSequenceClassification|ForTokenClassification)$/,
  computes: { activation: (part) => word(part, 'ff_activation') },
  layout: {
    root: 'transformer.',
    embedding: 'word_embedding',
    layer: 'layer.{layer}.',
    attention: {
      prefix: 'rel_attn.',
      projections: ['q', 'k', 'v'],
      output: 'o',
      waves: { map: 'r', content: 'r_w_bias', position: 'r_r_bias', byHead: true },
      // Read where there are two segments; a text is one.
      unread: (own, { attention: { heads, headDim } }) => {
        own.add('attention', 'r_s_bias', [heads, headDim]);
        own.add('attention', 'seg_embed', [2, heads, headDim]);
      },
    },
    mlp: { prefix: 'ff.', inputs: ['layer_1'], output: 'layer_2', bias: true },
    norms: ['rel_attn.layer_norm', 'ff.layer_norm'],
    normBias: true,
    // In place of words that are predicted in training.
    unread: (root, part) => root.add('embedding', 'mask_emb', [1, 1, part.hiddenSize]),
    heads: {
      predictions: { vocabulary: 'lm_loss' },
      text: {
        reads: () => 'last',
        inner: [{ name: 'sequence_summary.summary', activation: 'tanh' }],
        labels: 'logits_proj',
      },
      token: tokenHeads.token,
    },
  },
});
