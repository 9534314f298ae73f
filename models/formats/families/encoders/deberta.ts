import type { ConfigReader } from '../../config/config-reader';
import type { ModelPart } from '../../model-description';
import type { RelativeDistances } from '../shared/computation';
import type { DecoderLayout, PositionProjection } from '../shared/decoder-layout';
import { bertLayout, encoderFamily } from '../shared/encoder-family';
import { bertPredictions, tokenHeads } from '../shared/encoder-heads';
import { amount, flag, word } from '../shared/family';
import { activations, encoderSizes, honoured, idle, idleOfText, only } from '../shared/run-keys';

/**
 * Scores are of contents, of content to position and of position to content (DeBERTa, arXiv:2006.03654, section 3.1), by
 * distances of `max_relative_positions` at most or, in version 2, in buckets.
 */
const choice = (reader: ConfigReader) => {
  // Negative numbers stand for "as many as positions" and "no buckets".
  for (const key of ['max_relative_positions', 'position_buckets']) reader.raw(key);
  const relative = reader.boolean('relative_attention') === true;
  return { positions: relative ? ('relative' as const) : ('learned' as const) };
};

const embeddingSize = (part: ModelPart): number => amount(part, 'embedding_size') ?? part.hiddenSize;

const above = (value: number | undefined): number | undefined => (value !== undefined && value > 0 ? value : undefined);

/** Distances from so far on are one, either way; in version 2 they may grow logarithmically before that. */
function distances(part: ModelPart, bucketed: boolean): RelativeDistances {
  const farthest = above(amount(part, 'max_relative_positions')) ?? part.contextLength ?? 0;
  const buckets = bucketed ? above(amount(part, 'position_buckets')) : undefined;
  return buckets === undefined ? { span: farthest } : { span: buckets, farthest };
}

/** `p2c|c2p` or a list of the same words. */
function words(part: ModelPart): readonly string[] {
  const value = part.fields['pos_att_type']?.value;
  const list: readonly unknown[] = typeof value === 'string' ? value.split('|') : Array.isArray(value) ? value : [];
  return list.map((item) => String(item).trim().toLowerCase());
}

/** Terms beside that of contents. */
const terms = (part: ModelPart): readonly string[] => words(part).filter((word) => word === 'c2p' || word === 'p2c');

const keys = {
  ...idleOfText,
  ...encoderSizes,
  ...honoured('vocab_size', 'max_position_embeddings', 'type_vocab_size', 'tie_word_embeddings', 'embedding_size'),
  ...honoured('relative_attention', 'position_biased_input', 'pos_att_type', 'max_relative_positions'),
  ...only([false, null], 'talking_head'),
  // Another head over the vocabulary, which no published file of these uses.
  ...only([true], 'legacy'),
  ...idle('a class for whole texts alone', 'pooler_dropout', 'pooler_hidden_act', 'pooler_hidden_size'),
};

/** What both versions have. */
const layout = (
  attention: Partial<DecoderLayout['attention']>,
  disentangled: Pick<NonNullable<DecoderLayout['disentangled']>, 'key' | 'query' | 'distances'>,
): DecoderLayout => ({
  ...bertLayout,
  root: 'deberta.',
  positions: { name: 'embeddings.position_embeddings', when: (part) => flag(part, 'position_biased_input', true) },
  widenedEmbedding: { size: embeddingSize, projection: 'embeddings.embed_proj', bias: false, normBehind: true },
  attention: { ...bertLayout.attention, ...attention },
  disentangled: {
    when: (part) => flag(part, 'relative_attention'),
    table: 'encoder.rel_embeddings',
    norm: (part) => ((word(part, 'norm_rel_ebd') ?? '').includes('layer_norm') ? 'encoder.LayerNorm' : undefined),
    ...disentangled,
  },
  heads: {
    predictions: { ...bertPredictions, width: embeddingSize },
    ...tokenHeads,
    text: { inner: [{ name: 'pooler.dense', activation: 'pooler_hidden_act' }], labels: 'classifier' },
  },
});

/** Keys of a position from `name` where scores have this term. */
const projection = (term: string, name: string, bias: boolean): PositionProjection => ({
  when: (part) => terms(part).includes(term),
  name,
  bias,
});

export const deberta = encoderFamily({
  id: 'deberta',
  title: 'DeBERTa',
  types: ['deberta'],
  architectures: /^Deberta(Model|For)/,
  run: keys,
  choice,
  exact: (part) => flag(part, 'legacy', true) && !flag(part, 'talking_head'),
  computes: {
    fused: ({ heads }) => ({ groups: heads }),
    scale: (part, { attention }) => (attention.headDim * (1 + words(part).length)) ** -0.5,
  },
  layout: layout(
    {
      projections: ['self.in_proj'],
      inputBias: false,
      partBiases: { query: 'self.q_bias', value: 'self.v_bias' },
    },
    {
      key: projection('c2p', 'self.pos_proj', false),
      query: projection('p2c', 'self.pos_q_proj', true),
      distances: (part) => distances(part, false),
    },
  ),
});

const v2Projections = ['self.query_proj', 'self.key_proj', 'self.value_proj'] as const;

/** Version 3 is version 2 trained as ELECTRA is. */
export const debertaV2 = encoderFamily({
  id: 'deberta-v2',
  title: 'DeBERTa v2 / v3',
  types: ['deberta-v2'],
  architectures: /^DebertaV2(Model|For)/,
  run: {
    ...keys,
    ...honoured('position_buckets', 'norm_rel_ebd', 'share_att_key'),
    ...honoured('conv_kernel_size'),
    ...only([...activations, 'tanh'], 'conv_act'),
    // Groups of channels would be convolved separately, which no published file of these models asks for.
    ...only([1], 'conv_groups'),
    ...idle('the head of a class of its own', 'attention_head_size'),
  },
  record: ['conv_act'],
  choice,
  exact: (part) => flag(part, 'legacy', true),
  computes: { scale: (part, { attention }) => (attention.headDim * (1 + terms(part).length)) ** -0.5 },
  layout: {
    ...layout(
      { projections: v2Projections },
      {
        key: {
          ...projection('c2p', 'self.pos_key_proj', true),
          shared: (part) => (flag(part, 'share_att_key') ? v2Projections[1] : undefined),
        },
        query: {
          ...projection('p2c', 'self.pos_query_proj', true),
          shared: (part) => (flag(part, 'share_att_key') ? v2Projections[0] : undefined),
        },
        distances: (part) => distances(part, true),
      },
    ),
    convolved: {
      name: 'encoder.conv.conv',
      norm: 'encoder.conv.LayerNorm',
      size: (part) => above(amount(part, 'conv_kernel_size')),
      activation: (part) => word(part, 'conv_act') ?? 'tanh',
    },
  },
});
