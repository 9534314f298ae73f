import type { ModelPart } from '../../model-description';
import { bertLayout, encoderFamily } from '../shared/encoder-family';
import { robertaHeads } from '../shared/encoder-heads';
import { amount, flag, word } from '../shared/family';
import { encoderSizes, honoured, idle, idleOfText, only } from '../shared/run-keys';

const { types: _, ...withoutTypes } = bertLayout;

const isRotated = (part: ModelPart): boolean => word(part, 'position_embedding_type') === 'rotary';

/** Proteins as texts of amino acids. Older files hold a table of positions that the rotated form does not read. */
export const esm = encoderFamily({
  id: 'esm',
  title: 'ESM-2',
  types: ['esm'],
  architectures: /^Esm(Model|For)/,
  run: {
    ...idleOfText,
    ...encoderSizes,
    ...honoured('vocab_size', 'max_position_embeddings', 'pad_token_id', 'tie_word_embeddings'),
    ...honoured('emb_layer_norm_before', 'token_dropout', 'mask_token_id'),
    ...only(['absolute', 'rotary'], 'position_embedding_type'),
    ...only([false, null], 'is_folding_model', 'add_cross_attention', 'is_decoder'),
    ...idle('of a model that folds proteins, which is refused', 'esmfold_config', 'vocab_list'),
    ...idle('the class has one activation', 'hidden_act'),
    ...idle('there are no kinds of tokens', 'type_vocab_size'),
  },
  record: ['position_embedding_type'],
  choice: (reader) => (reader.raw('position_embedding_type') === 'rotary' ? { positions: 'rope', norm: 'layer' } : {}),
  computes: {
    norms: ['attention', 'network'],
    activation: () => 'gelu',
    // In training 12 % of the tokens were masked, and their rows nothing.
    maskedShare: (part) =>
      flag(part, 'token_dropout') ? { token: amount(part, 'mask_token_id'), share: 0.15 * 0.8 } : undefined,
  },
  layout: {
    ...withoutTypes,
    root: 'esm.',
    positions: {
      name: 'embeddings.position_embeddings',
      behindPadding: true,
      when: (part) => !isRotated(part),
    },
    embeddingNorm: (part) => (flag(part, 'emb_layer_norm_before') ? 'embeddings.layer_norm' : undefined),
    norms: ['attention.LayerNorm', 'LayerNorm'],
    finalNorm: 'encoder.emb_layer_norm_after',
    unread: (root, part) => {
      root.linear('head', 'contact_head.regression', part.layers.length * part.heads, 1, true);
    },
    heads: robertaHeads('esm.pooler.dense'),
  },
});
