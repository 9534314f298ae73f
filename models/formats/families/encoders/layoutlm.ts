/** Encoders of pages: where a word stands on the page is embedded. What stands where is no part of a prompt. */
import type { ModelPart } from '../../model-description';
import type { BesideTable } from '../shared/beside-row';
import { bertLayout, encoderFamily, typeTable } from '../shared/encoder-family';
import { bertPredictions, pooledHeads, robertaClassifier, tokenHeads } from '../shared/encoder-heads';
import { amount, flag } from '../shared/family';
import { encoderKeys, honoured, idle, only } from '../shared/run-keys';

const placeTable = (axis: string, times: number) => ({
  name: `embeddings.${axis}_position_embeddings`,
  rows: (part: ModelPart): number => amount(part, 'max_2d_position_embeddings') ?? 1024,
  times,
});

/**
 * BERT with a place on the page for each word (arXiv:1912.13318). The class gives a text without places boxes of nothing at the origin:
 * both sides of one have the first row of a table.
 */
export const layoutLm = encoderFamily({
  id: 'layoutlm',
  title: 'LayoutLM',
  types: ['layoutlm'],
  architectures: /^LayoutLM(Model|For)/,
  run: { ...encoderKeys, ...honoured('max_2d_position_embeddings') },
  heads: /(Model|For(MaskedLM|TokenClassification|SequenceClassification|QuestionAnswering))$/,
  layout: {
    ...bertLayout,
    root: 'layoutlm.',
    types: [typeTable, placeTable('x', 2), placeTable('y', 2), placeTable('h', 1), placeTable('w', 1)],
    heads: { ...pooledHeads('layoutlm.pooler.dense'), predictions: bertPredictions },
  },
});

const places = (part: ModelPart): readonly BesideTable[] => {
  const table = (axis: string, key: string): BesideTable => ({
    name: `embeddings.${axis}_position_embeddings`,
    rows: amount(part, 'max_2d_position_embeddings') ?? 1024,
    width: amount(part, key) ?? 128,
    row: 0,
  });
  const [x, y] = [table('x', 'coordinate_size'), table('y', 'coordinate_size')];
  return [x, y, x, y, table('h', 'shape_size'), table('w', 'shape_size')];
};

/**
 * The place of a word on the page is embedded too, and patches of the page follow the words (arXiv:2204.08387). For a text without places
 * the class uses empty boxes at the origin. This adds the same number to all scores of a head, which changes no probability, so a run
 * leaves it out.
 */
export const layoutLmV3 = encoderFamily({
  id: 'layoutlmv3',
  title: 'LayoutLMv3',
  types: ['layoutlmv3'],
  architectures: /^LayoutLMv3(Model|For)/,
  record: [
    'max_2d_position_embeddings',
    'coordinate_size',
    'shape_size',
    'has_relative_attention_bias',
    'rel_pos_bins',
    'max_rel_pos',
    'has_spatial_attention_bias',
    'rel_2d_pos_bins',
    'text_embed',
    'visual_embed',
  ],
  run: {
    ...encoderKeys,
    ...honoured('pad_token_id', 'max_2d_position_embeddings', 'coordinate_size', 'shape_size'),
    ...honoured('has_relative_attention_bias', 'rel_pos_bins', 'max_rel_pos'),
    ...idle('the same for all words of a text without places', 'has_spatial_attention_bias', 'rel_2d_pos_bins'),
    ...idle('the same for all words of a text without places', 'max_rel_2d_pos'),
    ...only([true], 'text_embed'),
    ...idle('of pictures, which a text does not have', 'visual_embed', 'input_size', 'patch_size', 'num_channels'),
    ...idle('of pictures, which a text does not have', 'second_input_size'),
  },
  choice: (reader) => {
    if (reader.boolean('visual_embed') === false) return {};
    const [size, patch] = [reader.integer('input_size', 1), reader.integer('patch_size', 1)];
    const channels = reader.integer('num_channels', 1) ?? 3;
    if (size === undefined || patch === undefined) return {};
    const patches = Math.floor(size / patch) ** 2;
    return { image: { size, patch, channels, tokens: patches + 1, outputTokens: patches } };
  },
  exact: (part) => flag(part, 'text_embed', true),
  layout: {
    ...bertLayout,
    root: 'layoutlmv3.',
    positions: { name: 'embeddings.position_embeddings', behindPadding: true },
    beside: (part) => ({ kind: 'added', tables: places(part) }),
    buckets: {
      name: 'encoder.rel_pos_bias',
      when: (part) => flag(part, 'has_relative_attention_bias', true),
      of: (part) => ({
        buckets: amount(part, 'rel_pos_bins') ?? 32,
        farthest: amount(part, 'max_rel_pos') ?? 128,
        bothWays: true,
        byHead: true,
      }),
    },
    unread: (root, part) => {
      const { hiddenSize: hidden, heads, image } = part;
      if (image !== undefined) {
        const patch = image.patch ?? 0;
        root.add('embedding', 'patch_embed.proj.weight', [hidden, image.channels, patch, patch]);
        root.add('embedding', 'patch_embed.proj.bias', [hidden]);
        root.add('embedding', 'cls_token', [1, 1, hidden]);
        root.add('embedding', 'pos_embed', [1, image.tokens ?? 0, hidden]);
        root.norm('LayerNorm', hidden, true);
        root.norm('norm', hidden, true);
      }
      if (!flag(part, 'has_spatial_attention_bias', true)) return;
      for (const axis of ['x', 'y'])
        root.add('attention', `encoder.rel_pos_${axis}_bias.weight`, [heads, amount(part, 'rel_2d_pos_bins') ?? 64]);
    },
    heads: {
      text: robertaClassifier('tanh'),
      span: { inner: [{ name: 'qa_outputs.dense', activation: 'tanh' }], labels: 'qa_outputs.out_proj' },
      // With ten labels or more, the head has a transformation of its own.
      token: (labels) => (labels < 10 ? tokenHeads.token : robertaClassifier('tanh')),
    },
  },
});
