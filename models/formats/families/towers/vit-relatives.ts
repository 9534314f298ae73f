/** Towers that took ViT's layer and changed how it sees positions or is trained. */
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { amount, firstArchitecture, flag } from '../shared/family';
import { readImage, visionFamily, writePatches, writeVitLayer, writeVitLayers } from './vision';

/** Rows of a table over distances in two directions, and three for the class token. */
const distances = (part: ModelPart): number => {
  const side = Math.floor((part.image?.size ?? 0) / Math.max(1, part.image?.patch ?? 1));
  return (2 * side - 1) ** 2 + 3;
};

function writeBeitLayers(part: ModelPart, root: TensorWriter): void {
  const hidden = part.hiddenSize;
  const scaled = (amount(part, 'layer_scale_init_value') ?? 0) > 0;
  for (const layer of part.layers) {
    const own = root.layer(layer.index, 'encoder.layer.{layer}.');
    const attention = own.under('attention.attention.');
    attention.linear('attention', 'query', hidden, hidden, true);
    attention.linear('attention', 'key', hidden, hidden, false);
    attention.linear('attention', 'value', hidden, hidden, true);
    if (flag(part, 'use_relative_position_bias'))
      attention.add('attention', 'relative_position_bias.relative_position_bias_table', [distances(part), part.heads]);
    own.linear('attention', 'attention.output.dense', hidden, hidden, true);
    own.linear('mlp', 'intermediate.dense', hidden, layer.feedForward.size, true);
    own.linear('mlp', 'output.dense', layer.feedForward.size, hidden, true);
    own.norm('layernorm_before', hidden, true);
    own.norm('layernorm_after', hidden, true);
    if (scaled) for (const name of ['lambda_1', 'lambda_2']) own.add('other', name, [hidden]);
  }
}

export const beit = visionFamily({
  id: 'beit',
  title: 'BEiT',
  types: ['beit'],
  architectures: /^Beit(Model|For)/,
  task: 'base',
  positions: (reader) => {
    if (reader.boolean('use_absolute_position_embeddings') === true) return 'learned';
    const biased = ['use_relative_position_bias', 'use_shared_relative_position_bias'];
    return biased.some((key) => reader.boolean(key) === true) ? 'relative' : 'none';
  },
  extraTokens: 1,
  record: [
    'use_mask_token',
    'use_absolute_position_embeddings',
    'use_relative_position_bias',
    'use_shared_relative_position_bias',
    'layer_scale_init_value',
    'use_mean_pooling',
  ],
  exact: (_part, className) => className === undefined || /(Model|ForImageClassification)$/.test(className),
  tensors: (part, writer, { task }) => {
    const hidden = part.hiddenSize;
    const root = writer.under('beit.');
    root.add('embedding', 'embeddings.cls_token', [1, 1, hidden]);
    if (flag(part, 'use_mask_token')) root.add('embedding', 'embeddings.mask_token', [1, 1, hidden]);
    if (flag(part, 'use_absolute_position_embeddings'))
      root.add('embedding', 'embeddings.position_embeddings', [1, part.image?.tokens ?? 0, hidden]);
    writePatches(part, root, 'embeddings.patch_embeddings.projection', true);
    writeBeitLayers(part, root);
    if (flag(part, 'use_shared_relative_position_bias'))
      root.add('attention', 'encoder.relative_position_bias.relative_position_bias_table', [
        distances(part),
        part.heads,
      ]);
    root.norm(flag(part, 'use_mean_pooling', true) ? 'pooler.layernorm' : 'layernorm', hidden, true);
    if (task.kind === 'image-classification') writer.linear('head', 'classifier', hidden, task.labels, true);
  },
});

/** A narrow decoder makes the image again from the quarter of the patches that the tower sees in training. */
export const vitMae = visionFamily({
  id: 'vit_mae',
  title: 'ViT MAE',
  types: ['vit_mae'],
  architectures: /^ViTMAE/,
  task: 'base',
  extraTokens: 1,
  record: [
    'qkv_bias',
    'decoder_num_attention_heads',
    'decoder_hidden_size',
    'decoder_num_hidden_layers',
    'decoder_intermediate_size',
  ],
  tensors: (part, writer, { task }) => {
    const tokens = part.image?.tokens ?? 0;
    const root = writer.under('vit.');
    root.add('embedding', 'embeddings.cls_token', [1, 1, part.hiddenSize]);
    root.add('embedding', 'embeddings.position_embeddings', [1, tokens, part.hiddenSize]);
    writePatches(part, root, 'embeddings.patch_embeddings.projection', true);
    writeVitLayers(part, root);
    if (task.kind !== 'pretraining') return;
    const width = amount(part, 'decoder_hidden_size') ?? 0;
    const own = writer.under('decoder.').as('other');
    own.add('other', 'mask_token', [1, 1, width]);
    own.add('other', 'decoder_pos_embed', [1, tokens, width]);
    own.linear('other', 'decoder_embed', part.hiddenSize, width, true);
    const count = Math.min(amount(part, 'decoder_num_hidden_layers') ?? 0, 256);
    for (let index = 0; index < count; index++) {
      const size = amount(part, 'decoder_intermediate_size') ?? 0;
      writeVitLayer(own.under(`decoder_layers.${index}.`), width, size, flag(part, 'qkv_bias', true));
    }
    own.norm('decoder_norm', width, true);
    const patch = part.image?.patch ?? 0;
    own.linear('other', 'decoder_pred', width, patch * patch * (part.image?.channels ?? 3), true);
  },
});

/**
 * A ViT that finds objects: a fixed number of learned tokens behind the patches become the boxes (arXiv:2106.00666). Positions
 * may be added again in front of every later layer.
 */
export const yolos = visionFamily({
  id: 'yolos',
  title: 'YOLOS',
  types: ['yolos'],
  architectures: /^Yolos/,
  task: 'base',
  extraTokens: 1,
  image: (reader) => readImage(reader, 1 + (reader.integer('num_detection_tokens') ?? 0)),
  record: ['qkv_bias', 'use_mid_position_embeddings'],
  exact: (_part, className) => className === undefined || /(Model|ForObjectDetection)$/.test(className),
  finish: (part, reader) => {
    if (firstArchitecture(reader)?.endsWith('ForObjectDetection') === true)
      reader.derive('detection_head', true, 'architectures');
    return part;
  },
  tensors: (part, writer, { task }) => {
    const hidden = part.hiddenSize;
    const tokens = part.image?.tokens ?? 0;
    const finds = flag(part, 'detection_head');
    const root = writer.under('vit.');
    root.add('embedding', 'embeddings.cls_token', [1, 1, hidden]);
    root.add('embedding', 'embeddings.detection_tokens', [1, amount(part, 'num_detection_tokens') ?? 0, hidden]);
    root.add('embedding', 'embeddings.position_embeddings', [1, tokens, hidden]);
    writePatches(part, root, 'embeddings.patch_embeddings.projection', true);
    if (flag(part, 'use_mid_position_embeddings', true))
      root.add('embedding', 'encoder.mid_position_embeddings', [
        Math.max(0, part.layers.length - 1),
        1,
        tokens,
        hidden,
      ]);
    writeVitLayers(part, root);
    if (!finds) {
      root.linear('head', 'pooler.dense', hidden, hidden, true);
      return;
    }
    // Networks of three layers: classes, of which one more means no object, and boxes.
    for (const [name, outputs] of [
      ['class_labels_classifier', task.labels + 1],
      ['bbox_predictor', 4],
    ] as const)
      [hidden, hidden, outputs].forEach((size, index) => {
        writer.linear('head', `${name}.layers.${index}`, hidden, size, true);
      });
  },
});
