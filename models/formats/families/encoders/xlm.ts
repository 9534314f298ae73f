import type { ConfigReader } from '../../config/config-reader';
import type { ModelPart } from '../../model-description';
import type { DecoderLayout } from '../shared/decoder-layout';
import { encoderFamily } from '../shared/encoder-family';
import { amount, flag } from '../shared/family';
import { honoured, idle, idleOfText, only, type RunKeys } from '../shared/run-keys';

const keys: RunKeys = {
  ...idleOfText,
  ...honoured('vocab_size', 'n_words', 'emb_dim', 'hidden_size', 'n_layers', 'num_hidden_layers', 'n_heads'),
  ...honoured('num_attention_heads', 'max_position_embeddings', 'layer_norm_eps'),
  ...honoured('n_langs', 'use_lang_emb', 'tie_word_embeddings'),
  ...only([false, null], 'causal', 'asm'),
  ...only([true], 'is_encoder', 'gelu_activation'),
  ...idle('the table of positions is stored, sines or not', 'sinusoidal_embeddings'),
  ...idle('first values of weights that are stored', 'embed_init_std'),
  ...idle('a text without a language has none added', 'lang_id', 'lang2id', 'id2lang'),
  ...idle('ids of tokens', 'bos_index', 'eos_index', 'pad_index', 'unk_index', 'mask_index', 'mask_token_id'),
  ...idle(
    'what a class for whole texts reads',
    'summary_activation',
    'summary_proj_to_labels',
    'summary_type',
    'summary_use_proj',
  ),
  ...idle('how many answers a class for questions tries', 'start_n_top', 'end_n_top'),
  ...idle('of programs for training', 'n_special', 'use_proj'),
};

const choice = (reader: ConfigReader) => ({
  intermediateSize: 4 * (reader.integer('hidden_size') ?? 0),
  causal: false,
  crossAttention: false,
});

/** Layers are lists of parts, each numbered by the layer. */
const layout: DecoderLayout = {
  root: 'transformer.',
  embedding: 'embeddings',
  positions: { name: 'position_embeddings' },
  embeddingNorm: 'layer_norm_emb',
  layer: '',
  attention: {
    prefix: 'attentions.{layer}.',
    projections: ['q_lin', 'k_lin', 'v_lin'],
    output: 'out_lin',
    inputBias: true,
    outputBias: true,
  },
  mlp: { prefix: 'ffns.{layer}.', inputs: ['lin1'], output: 'lin2', bias: true },
  norms: ['layer_norm1.{layer}', 'layer_norm2.{layer}'],
  normBias: true,
  unread: (root, part: ModelPart) => {
    const languages = amount(part, 'n_langs') ?? 1;
    if (languages > 1 && flag(part, 'use_lang_emb', true))
      root.add('embedding', 'lang_embeddings.weight', [languages, part.hiddenSize]);
  },
  heads: { predictions: { vocabulary: 'pred_layer.proj' } },
};

const shared = { task: 'base', choice, computes: { epsilon: 1e-12, activation: () => 'gelu' }, layout } as const;

/** Many languages, each with a row of its own beside the words where a caller names it (arXiv:1901.07291). */
const xlm = encoderFamily({
  ...shared,
  id: 'xlm',
  title: 'XLM',
  types: ['xlm'],
  architectures: /^XLM(Model|WithLMHead|For)/,
  run: keys,
  heads: /^XLM(Model|WithLMHeadModel)$/,
});

const flauBert = encoderFamily({
  ...shared,
  id: 'flaubert',
  title: 'FlauBERT',
  types: ['flaubert'],
  architectures: /^Flaubert(Model|WithLMHead|For)/,
  run: { ...keys, ...only([false], 'pre_norm') },
  heads: /^Flaubert(Model|WithLMHeadModel)$/,
});

export const xlmEncoders = [xlm, flauBert];
