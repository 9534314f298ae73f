/** BERT and RoBERTa with inputs other than words, which the class fills in for a text alone. */
import type { ModelPart } from '../../model-description';
import type { BesideTable } from '../shared/beside-row';
import { bertLayout, encoderFamily } from '../shared/encoder-family';
import { bertPredictions, pooledClassifier, pooledHeads, tokenHeads, writePooler } from '../shared/encoder-heads';
import { amount, flag } from '../shared/family';
import { bertKeys, honoured } from '../shared/run-keys';

/** How many levels of markup are embedded. */
const depthOf = (part: ModelPart): number => Math.min(amount(part, 'max_depth') ?? 50, 512);

/**
 * RoBERTa with the place of each word in the markup of a page (arXiv:2110.08518): a tag and a number at each level. For a
 * text without markup the class uses, at every level, the tag and the number that pad short paths.
 */
const markupLm = encoderFamily({
  id: 'markuplm',
  title: 'MarkupLM',
  types: ['markuplm'],
  architectures: /^MarkupLM(Model|For)/,
  run: {
    ...bertKeys,
    ...honoured('pad_token_id', 'max_depth', 'max_xpath_tag_unit_embeddings', 'max_xpath_subs_unit_embeddings'),
    ...honoured('tag_pad_id', 'subs_pad_id', 'xpath_unit_hidden_size'),
  },
  heads: /^MarkupLM(Model|For(SequenceClassification|TokenClassification|QuestionAnswering))$/,
  layout: {
    ...bertLayout,
    root: 'markuplm.',
    positions: { name: 'embeddings.position_embeddings', behindPadding: true },
    beside: (part) => {
      const width = amount(part, 'xpath_unit_hidden_size') ?? 32;
      const table = (name: string, level: number, rows: number, row: number): BesideTable => ({
        name: `embeddings.xpath_embeddings.xpath_${name}_sub_embeddings.${level}`,
        ...{ rows, width, row },
      });
      const [tags, numbers] = ['tag', 'subs'].map((of) => amount(part, `max_xpath_${of}_unit_embeddings`) ?? 0);
      const [tag, number] = [amount(part, 'tag_pad_id') ?? 0, amount(part, 'subs_pad_id') ?? 0];
      return {
        kind: 'network',
        pairs: Array.from({ length: depthOf(part) }, (_, level) => [
          table('tag', level, tags ?? 0, tag),
          table('subs', level, numbers ?? 0, number),
        ]),
        up: 'embeddings.xpath_embeddings.xpath_unitseq2_inner',
        inner: 4 * part.hiddenSize,
        down: 'embeddings.xpath_embeddings.inner2emb',
      };
    },
    // A map that no class uses.
    unread: (root, part) => {
      const read = depthOf(part) * (amount(part, 'xpath_unit_hidden_size') ?? 32);
      root.linear('embedding', 'embeddings.xpath_embeddings.xpath_unitseq2_embeddings', read, part.hiddenSize, true);
    },
    heads: pooledHeads('markuplm.pooler.dense'),
  },
});

/**
 * BERT over Chinese characters that also reads their shapes and sounds (ACL 2022, "RoCBert"). For a text without them the class uses the
 * first shape and the first sound. If they are added to words instead of concatenated with them, the class leaves them out.
 */
const rocBert = encoderFamily({
  id: 'roc_bert',
  title: 'RoCBert',
  types: ['roc_bert'],
  architectures: /^RoCBert(Model|For)/,
  run: {
    ...bertKeys,
    ...honoured('concat_input', 'enable_shape', 'shape_embed_dim', 'shape_vocab_size'),
    ...honoured('enable_pronunciation', 'pronunciation_embed_dim', 'pronunciation_vocab_size'),
  },
  record: ['concat_input', 'enable_shape', 'enable_pronunciation'],
  heads:
    /^RoCBert(Model|For(MaskedLM|CausalLM|PreTraining|SequenceClassification|TokenClassification|QuestionAnswering))$/,
  exact: (part) =>
    flag(part, 'concat_input', true) && flag(part, 'enable_shape', true) && flag(part, 'enable_pronunciation', true),
  layout: {
    ...bertLayout,
    root: 'roc_bert.',
    beside: (part) => {
      if (!flag(part, 'concat_input', true)) return undefined;
      const table = (of: 'shape' | 'pronunciation'): readonly BesideTable[] =>
        flag(part, `enable_${of}`, true)
          ? [
              {
                name: `embeddings.${of}_embed`,
                rows: amount(part, `${of}_vocab_size`) ?? 0,
                width: amount(part, `${of}_embed_dim`) ?? 0,
                row: 0,
              },
            ]
          : [];
      return {
        kind: 'mapped',
        tables: [...table('shape'), ...table('pronunciation')],
        map: 'embeddings.map_inputs_layer',
      };
    },
    heads: {
      ...tokenHeads,
      predictions: bertPredictions,
      text: pooledClassifier('roc_bert.pooler.dense'),
      others: writePooler('roc_bert.pooler.dense', ({ kind }) => kind === 'base' || kind === 'pretraining'),
    },
  },
});

export const bertsBesideMore = [markupLm, rocBert];
