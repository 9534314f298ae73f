/** Encoders that took BERT's layer and changed one thing: narrower embeddings, shared layers, other heads. */
import type { ModelPart } from '../../model-description';
import {
  pooledClassifier,
  predictsTokens,
  robertaClassifier,
  robertaHeads,
  tokenHeads,
  writePooler,
} from '../shared/encoder-heads';
import { bertLayout, encoderFamily } from '../shared/encoder-family';
import type { StackFamily } from '../shared/family';
import { amount, word } from '../shared/family';
import { markKeys, marksOf, readMarks } from '../shared/marks';
import { bertKeys, encoderKeys, encoderSizes, honoured, idle, idleOfText, only } from '../shared/run-keys';
import { robertaKeys } from './bert';

const embeddingSize = (part: ModelPart): number => amount(part, 'embedding_size') ?? part.hiddenSize;

const summaries = idle(
  'what a class of several choices reads',
  'summary_activation',
  'summary_last_dropout',
  'summary_type',
  'summary_use_proj',
);

export const electra = encoderFamily({
  id: 'electra',
  title: 'ELECTRA',
  types: ['electra'],
  architectures: /^Electra(Model|For)/,
  run: { ...bertKeys, ...honoured('embedding_size'), ...summaries },
  layout: {
    ...bertLayout,
    root: 'electra.',
    widenedEmbedding: { size: embeddingSize, projection: 'embeddings_project', bias: true },
    heads: {
      ...tokenHeads,
      text: robertaClassifier('gelu'),
      predictions: {
        of: (top) => top.task.kind !== 'pretraining' && predictsTokens(top),
        dense: 'generator_predictions.dense',
        norm: 'generator_predictions.LayerNorm',
        vocabulary: 'generator_lm_head',
        width: embeddingSize,
        activation: 'gelu',
      },
      others: (part, writer, top) => {
        const { task } = top;
        const hidden = part.hiddenSize;
        if (task.kind === 'pretraining') {
          writer.linear('head', 'discriminator_predictions.dense', hidden, hidden, true);
          writer.linear('head', 'discriminator_predictions.dense_prediction', hidden, 1, true);
        }
      },
    },
  },
});

const groupsOf = (part: ModelPart): number => Math.min(amount(part, 'num_hidden_groups') ?? 1, part.layers.length);

/** Layers of one group are one layer: their tensors are stored, and counted, once. */
export const albert = encoderFamily({
  id: 'albert',
  title: 'ALBERT',
  types: ['albert'],
  architectures: /^Albert(Model|For)/,
  run: {
    ...encoderKeys,
    ...honoured('embedding_size', 'num_hidden_groups'),
    // Several are run one after the other as one layer.
    ...only([1], 'inner_group_num'),
    ...idle('drops activations in training alone', 'classifier_dropout_prob'),
    ...idle(
      'of versions of the class that took no layers out',
      'down_scale_factor',
      'gap_size',
      'net_structure_type',
      'num_memory_blocks',
    ),
  },
  record: ['inner_group_num'],
  exact: (part) => amount(part, 'inner_group_num') === 1,
  layout: {
    ...bertLayout,
    root: 'albert.',
    widenedEmbedding: {
      size: embeddingSize,
      projection: 'encoder.embedding_hidden_mapping_in',
      bias: true,
      always: true,
    },
    layer: (index, part) => {
      const group = Math.floor(index / (part.layers.length / groupsOf(part)));
      return `encoder.albert_layer_groups.${group}.albert_layers.0.`;
    },
    attention: {
      prefix: 'attention.',
      projections: ['query', 'key', 'value'],
      output: 'dense',
      inputBias: true,
      outputBias: true,
    },
    mlp: { prefix: '', inputs: ['ffn'], output: 'ffn_output', bias: true },
    norms: ['attention.LayerNorm', 'full_layer_layer_norm'],
    heads: {
      predictions: {
        dense: 'predictions.dense',
        norm: 'predictions.LayerNorm',
        vocabulary: 'predictions.decoder',
        bias: 'predictions.bias',
        width: embeddingSize,
      },
      ...tokenHeads,
      text: pooledClassifier('albert.pooler'),
      others: (part, writer, top) => {
        writePooler('albert.pooler', ({ kind }) => kind === 'base' || kind === 'pretraining')(part, writer, top);
        if (top.task.kind === 'pretraining')
          writer.linear('head', 'sop_classifier.classifier', part.hiddenSize, 2, true);
      },
    },
  },
});

const { types: _, ...withoutTypes } = bertLayout;

/** Positions are added and, in buckets of distance that all layers share, a bias of the scores. */
export const mpnet = encoderFamily({
  id: 'mpnet',
  title: 'MPNet',
  types: ['mpnet'],
  architectures: /^MPNet(Model|For)/,
  run: {
    ...idleOfText,
    ...encoderSizes,
    ...honoured('vocab_size', 'max_position_embeddings', 'pad_token_id', 'tie_word_embeddings'),
    ...honoured('relative_attention_num_buckets'),
    ...idle('the class has no token types', 'type_vocab_size'),
  },
  layout: {
    ...withoutTypes,
    root: 'mpnet.',
    positions: { name: 'embeddings.position_embeddings', behindPadding: true },
    attention: {
      prefix: 'attention.',
      projections: ['attn.q', 'attn.k', 'attn.v'],
      output: 'attn.o',
      inputBias: true,
      outputBias: true,
    },
    buckets: {
      name: 'encoder.relative_attention_bias',
      of: (part) => ({
        buckets: amount(part, 'relative_attention_num_buckets') ?? 32,
        farthest: 128,
        bothWays: true,
      }),
    },
    norms: ['attention.LayerNorm', 'output.LayerNorm'],
    heads: robertaHeads('mpnet.pooler.dense'),
  },
});

const dprRoots: readonly (readonly [RegExp, string])[] = [
  [/QuestionEncoder/, 'question_encoder.'],
  [/Reader/, 'span_predictor.encoder.'],
  [/ContextEncoder/, 'ctx_encoder.'],
];

/** Two BERTs without poolers, one for questions and one for passages; a file holds one of them. */
export const dpr: StackFamily = encoderFamily({
  id: 'dpr',
  title: 'Dense passage retriever',
  types: ['dpr'],
  architectures: /^DPR(Question|Context|Reader)/,
  run: { ...bertKeys, ...idle('the width of a projection behind the last layer', 'projection_dim') },
  record: ['projection_dim'],
  choice: (reader) => {
    const said = JSON.stringify(reader.object['architectures'] ?? '');
    const root = dprRoots.find(([pattern]) => pattern.test(said))?.[1];
    if (root !== undefined) reader.derive('encoder_prefix', root, 'architectures');
    return {};
  },
  heads: /^DPR/,
  exact: (part) => word(part, 'encoder_prefix') !== undefined,
  layout: {
    ...bertLayout,
    root: (part) => `${word(part, 'encoder_prefix') ?? ''}bert_model.`,
    heads: {
      others: (part, writer) => {
        const prefix = word(part, 'encoder_prefix') ?? '';
        const projected = amount(part, 'projection_dim') ?? 0;
        if (projected > 0) writer.linear('head', `${prefix}encode_proj`, part.hiddenSize, projected, true);
        if (!prefix.startsWith('span_predictor.')) return;
        const width = projected > 0 ? projected : part.hiddenSize;
        writer.linear('head', 'span_predictor.qa_outputs', width, 2, true);
        writer.linear('head', 'span_predictor.qa_classifier', width, 1, true);
      },
    },
  },
});

/**
 * A window of positions around each (arXiv:2004.05150, section 3.1), half of it on either side, which may differ from layer
 * to layer; marked positions see all and are seen by all, through projections of their own. Classes of texts and of questions mark some; for
 * others `global_tokens` may name them.
 */
export const longformer = encoderFamily({
  id: 'longformer',
  title: 'Longformer',
  types: ['longformer'],
  architectures: /^Longformer(Model|For)/,
  run: {
    ...robertaKeys,
    ...honoured('attention_window', 'sep_token_id'),
    ...markKeys,
    ...idle('how a program is written out', 'onnx_export', 'ignore_attention_mask'),
    ...idle('the same products in another layout', 'attention_mode'),
    // The published code reads every second neighbour by a list of these; the class reads all.
    attention_dilation: { kind: 'each', values: [1, null] },
    ...only([false, null], 'autoregressive'),
  },
  choice: (reader) => {
    readMarks(reader);
    return {
      window: reader.integerAt('attention_window', 0) ?? 512,
      layerKinds: (count) =>
        Array.from({ length: count }, () => ({ kind: 'window', note: 'marked positions see all and are seen by all' })),
    };
  },
  finish: (part, reader) => ({
    ...part,
    layers: part.layers.map((layer) => {
      const window = reader.integerAt('attention_window', layer.index);
      if (layer.attention.kind !== 'window' || window === undefined || window === 0) return layer;
      return { ...layer, attention: { ...layer.attention, window } };
    }),
  }),
  // Half of the window on either side, and the position itself.
  computes: { around: (_, { attention }) => Math.floor((attention.window ?? 0) / 2) + 1, marks: marksOf },
  layout: {
    ...bertLayout,
    root: 'longformer.',
    positions: { name: 'embeddings.position_embeddings', behindPadding: true },
    attention: {
      ...bertLayout.attention,
      marked: ['self.query_global', 'self.key_global', 'self.value_global'],
    },
    heads: robertaHeads('longformer.pooler.dense'),
  },
});
