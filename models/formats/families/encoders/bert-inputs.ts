/**
 * BERT and RoBERTa with inputs beside the words: tables, entities, pictures, languages. A run gives them a text alone, for which their
 * classes fill in the rest or leave it out.
 */
import type { ModelPart } from '../../model-description';
import { bertLayout, encoderFamily } from '../shared/encoder-family';
import { bertPredictions, robertaHeads, robertaPredictions, writePooler } from '../shared/encoder-heads';
import { amount, amounts, flag, word } from '../shared/family';
import { bertKeys, honoured, idle, only } from '../shared/run-keys';
import { robertaKeys } from './bert';

const behindPadding = { name: 'embeddings.position_embeddings', behindPadding: true } as const;

const kindsOf = (index: number) => ({
  name: `embeddings.token_type_embeddings_${index}`,
  rows: (part: ModelPart): number => amounts(part, 'type_vocab_sizes')[index] ?? 0,
});

/** Questions about tables (arXiv:2004.02349): seven kinds of tokens, all of which a text without a table has as the first. */
const tapas = encoderFamily({
  id: 'tapas',
  title: 'TAPAS',
  types: ['tapas'],
  architectures: /^Tapas(Model|For)/,
  record: ['num_aggregation_labels'],
  run: {
    ...bertKeys,
    ...honoured('type_vocab_sizes'),
    ...idle(
      'losses of training, and what is made of the answers',
      'positive_label_weight',
      'aggregation_loss_weight',
      'use_answer_as_supervision',
      'answer_loss_importance',
      'use_normalized_answer_loss',
      'huber_loss_delta',
      'temperature',
      'aggregation_temperature',
      'use_gumbel_for_cells',
      'use_gumbel_for_aggregation',
      'average_approximation_function',
      'cell_selection_preference',
      'answer_loss_cutoff',
      'max_num_rows',
      'max_num_columns',
      'average_logits_per_cell',
      'select_one_column',
      'allow_empty_column_selection',
      'init_cell_selection_weights_to_zero',
      'disable_per_token_loss',
      'aggregation_labels',
      'no_aggregation_label_index',
      'num_aggregation_labels',
    ),
    ...idle(
      'counts positions anew in each cell of a table, which a text does not have',
      'reset_position_index_per_cell',
    ),
  },
  heads: /^Tapas(Model|ForMaskedLM)$/,
  layout: {
    ...bertLayout,
    root: 'tapas.',
    types: Array.from({ length: 7 }, (_, index) => kindsOf(index)),
    heads: {
      predictions: bertPredictions,
      others: writePooler('tapas.pooler.dense', ({ kind }) => kind === 'base'),
    },
  },
});

/** RoBERTa beside entities (arXiv:2010.01057): words read words by the usual queries, and no entities are given. */
const luke = encoderFamily({
  id: 'luke',
  title: 'LUKE',
  types: ['luke'],
  architectures: /^Luke(Model|For)/,
  record: ['entity_vocab_size', 'entity_emb_size', 'use_entity_aware_attention'],
  run: {
    ...robertaKeys,
    ...idle('of entities, which a text does not have', 'entity_vocab_size', 'entity_emb_size'),
    ...idle('of entities, which a text does not have', 'use_entity_aware_attention'),
    ...idle('of entities, which a text does not have', 'cls_entity_prediction'),
  },
  heads: /^Luke(Model|ForMaskedLM)$/,
  layout: {
    ...bertLayout,
    root: 'luke.',
    positions: behindPadding,
    attention: {
      ...bertLayout.attention,
      unread: (own, _, part) => {
        if (!flag(part, 'use_entity_aware_attention', true)) return;
        for (const name of ['w2e_query', 'e2w_query', 'e2e_query'])
          own.linear('attention', `self.${name}`, part.hiddenSize, part.hiddenSize, true);
      },
    },
    unread: (root, part) => {
      const [entities, width] = [amount(part, 'entity_vocab_size') ?? 0, amount(part, 'entity_emb_size') ?? 0];
      const hidden = part.hiddenSize;
      const own = root.under('entity_embeddings.').as('embedding');
      own.add('embedding', 'entity_embeddings.weight', [entities, width]);
      if (width !== hidden) own.linear('embedding', 'entity_embedding_dense', width, hidden, false);
      own.add('embedding', 'position_embeddings.weight', [part.contextLength ?? 0, hidden]);
      own.add('embedding', 'token_type_embeddings.weight', [amount(part, 'type_vocab_size') ?? 0, hidden]);
      own.norm('LayerNorm', hidden, true);
      root.linear('head', 'pooler.dense', hidden, hidden, true);
    },
    heads: {
      predictions: { ...robertaPredictions, bias: 'lm_head.decoder.bias' },
      others: (part, writer, { task }) => {
        const width = amount(part, 'entity_emb_size') ?? 0;
        if (task.kind !== 'masked-lm') return;
        writer.linear('head', 'entity_predictions.transform.dense', part.hiddenSize, width, true);
        writer.as('head').norm('entity_predictions.transform.LayerNorm', width, true);
        writer.add('head', 'entity_predictions.bias', [amount(part, 'entity_vocab_size') ?? 0]);
      },
    },
  },
});

/** Spans that answer (arXiv:2101.00438): BERT, whose head compares tokens with a token that asks. */
const splinter = encoderFamily({
  id: 'splinter',
  title: 'Splinter',
  types: ['splinter'],
  architectures: /^Splinter(Model|For)/,
  run: { ...bertKeys, ...idle('which token of the head asks', 'question_token_id') },
  heads: /^Splinter(Model|ForPreTraining|ForQuestionAnswering)$/,
  layout: {
    ...bertLayout,
    root: 'splinter.',
    heads: {
      others: (part, writer, { task }) => {
        if (task.kind === 'base') return;
        const hidden = part.hiddenSize;
        for (const name of ['query_start', 'query_end', 'start', 'end']) {
          writer.linear('head', `splinter_qass.${name}_transform.dense`, hidden, hidden, true);
          writer.as('head').norm(`splinter_qass.${name}_transform.LayerNorm`, hidden, true);
        }
        for (const name of ['start', 'end'])
          writer.linear('head', `splinter_qass.${name}_classifier`, hidden, hidden, false);
      },
    },
  },
});

/** BERT over words and parts of a picture (arXiv:1908.03557), of which it is given the words. */
const visualBert = encoderFamily({
  id: 'visual_bert',
  title: 'VisualBERT',
  types: ['visual_bert'],
  architectures: /^VisualBert(Model|For)/,
  record: ['visual_embedding_dim'],
  run: {
    ...bertKeys,
    ...idle('of pictures, which a text does not have', 'visual_embedding_dim', 'special_visual_initialize'),
    // Its last layer is another one, which pictures alone pass.
    ...only([false], 'bypass_transformer'),
  },
  heads: /^VisualBert(Model|ForPreTraining)$/,
  exact: (part) => !flag(part, 'bypass_transformer'),
  layout: {
    ...bertLayout,
    root: 'visual_bert.',
    unread: (root, part) => {
      const hidden = part.hiddenSize;
      const own = root.under('embeddings.');
      own.add('embedding', 'visual_position_embeddings.weight', [part.contextLength ?? 0, hidden]);
      own.add('embedding', 'visual_token_type_embeddings.weight', [amount(part, 'type_vocab_size') ?? 0, hidden]);
      own.linear('embedding', 'visual_projection', amount(part, 'visual_embedding_dim') ?? 0, hidden, true);
    },
    heads: {
      predictions: bertPredictions,
      others: (part, writer, top) => {
        writePooler('visual_bert.pooler.dense', () => true)(part, writer, top);
        if (top.task.kind === 'pretraining') writer.linear('head', 'cls.seq_relationship', part.hiddenSize, 2, true);
      },
    },
  },
});

/** RoBERTa in integers (arXiv:2101.01321); without them it is RoBERTa, and what its files hold beside the weights is not read. */
const iBert = encoderFamily({
  id: 'ibert',
  title: 'I-BERT',
  types: ['ibert'],
  architectures: /^IBert(Model|For)/,
  run: {
    ...robertaKeys,
    ...only([false], 'quant_mode'),
    ...idle('of the integers, which are refused', 'force_dequant'),
  },
  heads: /^IBert(Model|For(MaskedLM|SequenceClassification|TokenClassification|QuestionAnswering))$/,
  exact: (part) => !flag(part, 'quant_mode'),
  record: ['quant_mode'],
  layout: { ...bertLayout, root: 'ibert.', positions: behindPadding, heads: robertaHeads('ibert.pooler.dense') },
});

const languagesOf = (part: ModelPart): readonly string[] => {
  const value = part.fields['languages']?.value;
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string').slice(0, 512) : [];
};

/** RoBERTa with a network for each language behind that of each layer (arXiv:2205.06266); the config says which one a run takes. */
const xmod = encoderFamily({
  id: 'xmod',
  title: 'X-MOD',
  types: ['xmod'],
  architectures: /^Xmod(Model|For)/,
  record: ['languages', 'default_language', 'adapter_reduction_factor'],
  run: {
    ...robertaKeys,
    ...honoured('languages', 'default_language', 'adapter_reduction_factor'),
    // Norms of an adapter's own, other places of norms, and layers whose norms stand in front.
    ...only([false], 'adapter_layer_norm', 'pre_norm'),
    ...only([true], 'adapter_reuse_layer_norm', 'ln_before_adapter'),
  },
  heads: /^Xmod(Model|For(MaskedLM|CausalLM|SequenceClassification|TokenClassification|QuestionAnswering))$/,
  layout: {
    ...bertLayout,
    root: 'roberta.',
    positions: behindPadding,
    adapters: {
      prefix: 'output.adapter_modules.{language}.',
      languages: languagesOf,
      language: (part) => word(part, 'default_language'),
      size: (part) => Math.floor(part.hiddenSize / (amount(part, 'adapter_reduction_factor') ?? 2)),
      inputs: 'dense1',
      output: 'dense2',
      norm: 'output.LayerNorm',
    },
    heads: robertaHeads('roberta.pooler.dense'),
  },
});

export const bertsWithInputs = [tapas, luke, splinter, visualBert, iBert, xmod];
