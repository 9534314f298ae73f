/** Encoders of pages: where a word stands on the page is embedded. What stands where is no part of a prompt, so that they are described alone. */
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { bertLayout, encoderFamily } from '../shared/encoder-family';
import { bertPredictions, writeClassificationHead, pooledHeads } from '../shared/encoder-heads';
import { amount, flag } from '../shared/family';

/** BERT with a place on the page for each word (arXiv:1912.13318). */
export const layoutLm = encoderFamily({
  id: 'layoutlm',
  title: 'LayoutLM',
  types: ['layoutlm'],
  architectures: /^LayoutLM(Model|For)/,
  record: ['max_2d_position_embeddings'],
  heads: /(Model|For(MaskedLM|TokenClassification|SequenceClassification|QuestionAnswering))$/,
  layout: {
    ...bertLayout,
    root: 'layoutlm.',
    extra: (root, part) => {
      const places = amount(part, 'max_2d_position_embeddings') ?? 1024;
      for (const name of ['x', 'y', 'h', 'w'])
        root.add('embedding', `embeddings.${name}_position_embeddings.weight`, [places, part.hiddenSize]);
    },
    heads: {
      predictions: bertPredictions,
      others: pooledHeads('layoutlm.pooler.dense'),
    },
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
  exact: (part) => flag(part, 'text_embed', true),
  layout: {
    ...bertLayout,
    root: 'layoutlmv3.',
    extra: (root, part) => {
      const hidden = part.hiddenSize;
      const places = amount(part, 'max_2d_position_embeddings') ?? 1024;
      for (const [axis, key] of [
        ['x', 'coordinate_size'],
        ['y', 'coordinate_size'],
        ['h', 'shape_size'],
        ['w', 'shape_size'],
      ] as const)
        root.add('embedding', `embeddings.${axis}_position_embeddings.weight`, [places, amount(part, key) ?? 128]);
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
      writeRelativeBiases(part, root);
    },
    heads: {
      others: (part, writer, { task }) => {
        if (task.kind === 'sequence-classification') writeClassificationHead(part, writer, 'classifier', task.labels);
        if (task.kind === 'question-answering') writeClassificationHead(part, writer, 'qa_outputs', 2);
        if (task.kind !== 'token-classification') return;
        // Ten labels and more are given a transformation of their own.
        if (task.labels < 10) writer.linear('head', 'classifier', part.hiddenSize, task.labels, true);
        else writeClassificationHead(part, writer, 'classifier', task.labels);
      },
    },
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
