/** Encoders that took BERT's layer and changed one thing: narrower embeddings, shared layers, other heads. */
import { mostLayers } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { writeBertEmbeddings } from './bert';
import {
  encoderFamily,
  predictsTokens,
  writeBertLayer,
  writeBertLayers,
  writeBertNetwork,
  writeClassificationHead,
  writeQueryKeyValue,
  writeRobertaHeads,
  writeTokenHeads,
} from '../shared/encoder-family';
import type { StackFamily } from '../shared/family';
import { amount, flag, word } from '../shared/family';

const embeddingSize = (part: ModelPart): number => amount(part, 'embedding_size') ?? part.hiddenSize;

export const electra = encoderFamily({
  id: 'electra',
  title: 'ELECTRA',
  types: ['electra'],
  architectures: /^Electra(Model|For)/,
  record: ['embedding_size'],
  tensors: (part, writer, top) => {
    const hidden = part.hiddenSize;
    const width = embeddingSize(part);
    const root = writer.under('electra.');
    writeBertEmbeddings(part, root, width);
    if (width !== hidden) root.linear('embedding', 'embeddings_project', width, hidden, true);
    writeBertLayers(part, root);
    const { task, tied } = top;
    if (task.kind === 'pretraining') {
      writer.linear('head', 'discriminator_predictions.dense', hidden, hidden, true);
      writer.linear('head', 'discriminator_predictions.dense_prediction', hidden, 1, true);
    } else if (predictsTokens(top)) {
      writer.as('head').norm('generator_predictions.LayerNorm', width, true);
      writer.linear('head', 'generator_predictions.dense', hidden, width, true);
      writer.add('head', 'generator_lm_head.bias', [part.vocabularySize ?? 0]);
      if (!tied) writer.add('head', 'generator_lm_head.weight', [part.vocabularySize ?? 0, width]);
    }
    if (task.kind === 'sequence-classification') writeClassificationHead(part, writer, 'classifier', task.labels);
    writeTokenHeads(part, writer, top);
  },
});

/** Layers of one group are one layer: their tensors are stored, and counted, once. */
export const albert = encoderFamily({
  id: 'albert',
  title: 'ALBERT',
  types: ['albert'],
  architectures: /^Albert(Model|For)/,
  record: ['embedding_size', 'num_hidden_groups', 'inner_group_num'],
  tensors: (part, writer, top) => {
    const hidden = part.hiddenSize;
    const width = embeddingSize(part);
    const root = writer.under('albert.');
    writeBertEmbeddings(part, root, width);
    root.linear('embedding', 'encoder.embedding_hidden_mapping_in', width, hidden, true);
    const size = part.intermediateSize ?? 0;
    const groups = Math.min(amount(part, 'num_hidden_groups') ?? 1, part.layers.length);
    // More layers in all groups than a model may have are a slip.
    const most = Math.min(part.layers.length, Math.ceil(mostLayers / Math.max(1, groups)));
    const inGroup = Math.min(amount(part, 'inner_group_num') ?? 1, most);
    for (let group = 0; group < groups; group++) {
      for (let inner = 0; inner < inGroup; inner++) {
        const own = root.under(`encoder.albert_layer_groups.${group}.albert_layers.${inner}.`);
        for (const name of ['query', 'key', 'value', 'dense'])
          own.linear('attention', `attention.${name}`, hidden, hidden, true);
        own.norm('attention.LayerNorm', hidden, true);
        own.linear('mlp', 'ffn', hidden, size, true);
        own.linear('mlp', 'ffn_output', size, hidden, true);
        own.norm('full_layer_layer_norm', hidden, true);
      }
    }
    const { task, tied } = top;
    if (task.kind === 'base' || task.kind === 'pretraining' || task.kind === 'sequence-classification')
      root.linear('head', 'pooler', hidden, hidden, true);
    if (predictsTokens(top)) {
      writer.add('head', 'predictions.bias', [part.vocabularySize ?? 0]);
      writer.linear('head', 'predictions.dense', hidden, width, true);
      writer.as('head').norm('predictions.LayerNorm', width, true);
      if (!tied) writer.add('head', 'predictions.decoder.weight', [part.vocabularySize ?? 0, width]);
    }
    if (task.kind === 'pretraining') writer.linear('head', 'sop_classifier.classifier', hidden, 2, true);
    if (task.kind === 'sequence-classification') writer.linear('head', 'classifier', hidden, task.labels, true);
    writeTokenHeads(part, writer, top);
  },
});

/** Positions are added and, in buckets of distance that all layers share, a bias of the scores. */
export const mpnet = encoderFamily({
  id: 'mpnet',
  title: 'MPNet',
  types: ['mpnet'],
  architectures: /^MPNet(Model|For)/,
  record: ['relative_attention_num_buckets'],
  tensors: (part, writer, top) => {
    const hidden = part.hiddenSize;
    const root = writer.under('mpnet.');
    root.add('embedding', 'embeddings.word_embeddings.weight', [part.vocabularySize ?? 0, hidden]);
    root.add('embedding', 'embeddings.position_embeddings.weight', [part.contextLength ?? 0, hidden]);
    root.norm('embeddings.LayerNorm', hidden, true);
    for (const layer of part.layers) {
      const own = root.layer(layer.index, 'encoder.layer.{layer}.');
      for (const name of ['q', 'k', 'v', 'o']) own.linear('attention', `attention.attn.${name}`, hidden, hidden, true);
      own.norm('attention.LayerNorm', hidden, true);
      writeBertNetwork(own, layer);
    }
    const buckets = amount(part, 'relative_attention_num_buckets') ?? 32;
    root.add('attention', 'encoder.relative_attention_bias.weight', [buckets, part.heads]);
    writeRobertaHeads(part, writer, top, 'mpnet.pooler.dense');
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
  record: ['projection_dim'],
  choice: (reader) => {
    const said = JSON.stringify(reader.object['architectures'] ?? '');
    const root = dprRoots.find(([pattern]) => pattern.test(said))?.[1];
    if (root !== undefined) reader.derive('encoder_prefix', root, 'architectures');
    return {};
  },
  heads: /^DPR/,
  exact: (part) => word(part, 'encoder_prefix') !== undefined,
  tensors: (part, writer) => {
    const prefix = word(part, 'encoder_prefix') ?? '';
    const root = writer.under(`${prefix}bert_model.`);
    writeBertEmbeddings(part, root);
    writeBertLayers(part, root);
    const projected = amount(part, 'projection_dim') ?? 0;
    if (projected > 0) writer.linear('head', `${prefix}encode_proj`, part.hiddenSize, projected, true);
    if (!prefix.startsWith('span_predictor.')) return;
    const width = projected > 0 ? projected : part.hiddenSize;
    writer.linear('head', 'span_predictor.qa_outputs', width, 2, true);
    writer.linear('head', 'span_predictor.qa_classifier', width, 1, true);
  },
});

/**
 * A window of positions around each (arXiv:2004.05150, section 3.1), half of it on either side, which may differ from layer
 * to layer; positions that the caller marks see all and are seen by all, through projections of their own.
 */
export const longformer = encoderFamily({
  id: 'longformer',
  title: 'Longformer',
  types: ['longformer'],
  architectures: /^Longformer(Model|For)/,
  record: ['attention_window'],
  choice: (reader) => ({
    window: reader.integerAt('attention_window', 0) ?? 512,
    layerKinds: (count) =>
      Array.from({ length: count }, () => ({ kind: 'window', note: 'marked positions see all and are seen by all' })),
  }),
  finish: (part, reader) => ({
    ...part,
    layers: part.layers.map((layer) => {
      const window = reader.integerAt('attention_window', layer.index);
      if (layer.attention.kind !== 'window' || window === undefined || window === 0) return layer;
      return { ...layer, attention: { ...layer.attention, window } };
    }),
  }),
  tensors: (part, writer, top) => {
    const root = writer.under('longformer.');
    writeBertEmbeddings(part, root);
    for (const layer of part.layers) {
      writeBertLayer(root.layer(layer.index, 'encoder.layer.{layer}.'), layer, (own, block) => {
        writeQueryKeyValue(own, block);
        writeQueryKeyValue(own, block, '_global');
      });
    }
    writeRobertaHeads(part, writer, top, 'longformer.pooler.dense');
  },
});

/** Where a word stands on the page is embedded too, and patches of the page follow the words. */
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
    'has_spatial_attention_bias',
    'rel_2d_pos_bins',
    'text_embed',
    'visual_embed',
  ],
  choice: (reader) => {
    if (reader.boolean('visual_embed') === false) return {};
    const [size, patch] = [reader.integer('input_size', 1), reader.integer('patch_size', 1)];
    const channels = reader.integer('num_channels', 1) ?? 3;
    if (size === undefined || patch === undefined) return {};
    const patches = Math.floor(size / patch) ** 2;
    return { image: { size, patch, channels, tokens: patches + 1, outputTokens: patches } };
  },
  tensors: (part, writer, top) => {
    const hidden = part.hiddenSize;
    const root = writer.under('layoutlmv3.');
    if (flag(part, 'text_embed', true)) {
      writeBertEmbeddings(part, root);
      const places = amount(part, 'max_2d_position_embeddings') ?? 1024;
      for (const [axis, key] of [
        ['x', 'coordinate_size'],
        ['y', 'coordinate_size'],
        ['h', 'shape_size'],
        ['w', 'shape_size'],
      ] as const)
        root.add('embedding', `embeddings.${axis}_position_embeddings.weight`, [places, amount(part, key) ?? 128]);
    }
    const { image } = part;
    if (image !== undefined) {
      const patch = image.patch ?? 0;
      root.add('embedding', 'patch_embed.proj.weight', [hidden, image.channels, patch, patch]);
      root.add('embedding', 'patch_embed.proj.bias', [hidden]);
      root.add('embedding', 'cls_token', [1, 1, hidden]);
      root.add('embedding', 'pos_embed', [1, image.tokens ?? 0, hidden]);
      root.norm('LayerNorm', hidden, true);
      root.norm('norm', hidden, true);
    }
    writeBertLayers(part, root);
    writeRelativeBiases(part, root);
    const { task } = top;
    if (task.kind === 'sequence-classification') writeClassificationHead(part, writer, 'classifier', task.labels);
    if (task.kind === 'question-answering') writeClassificationHead(part, writer, 'qa_outputs', 2);
    if (task.kind !== 'token-classification') return;
    // Ten labels and more are given a transformation of their own.
    if (task.labels < 10) writer.linear('head', 'classifier', hidden, task.labels, true);
    else writeClassificationHead(part, writer, 'classifier', task.labels);
  },
});

function writeRelativeBiases(part: ModelPart, root: TensorWriter): void {
  const heads = part.heads;
  if (flag(part, 'has_relative_attention_bias', true))
    root.add('attention', 'encoder.rel_pos_bias.weight', [heads, amount(part, 'rel_pos_bins') ?? 32]);
  if (!flag(part, 'has_spatial_attention_bias', true)) return;
  for (const axis of ['x', 'y'])
    root.add('attention', `encoder.rel_pos_${axis}_bias.weight`, [heads, amount(part, 'rel_2d_pos_bins') ?? 64]);
}

/** The text tower of CLAP: RoBERTa under other names. */
export const clapText = encoderFamily({
  id: 'clap_text',
  title: 'CLAP text',
  types: ['clap_text_model'],
  architectures: /^ClapText/,
});
