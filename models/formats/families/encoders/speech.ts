/** Encoders of raw sound: convolutions make some 50 positions a second of it, and layers of attention read them. */
import type { Layer, ModelPart } from '../../model-description';
import { readTransformer } from '../../config/transformer';
import type { TensorWriter } from '../../tensors/tensor-table';
import { classDefaults } from '../../config/class-defaults';
import type { StackFamily } from '../shared/family';
import { amount, amounts, firstArchitecture, flag, word } from '../shared/family';

export function writeFrontEnd(part: ModelPart, root: TensorWriter): void {
  const hidden = part.hiddenSize;
  const [widths, kernels] = [amounts(part, 'conv_dim'), amounts(part, 'conv_kernel')];
  widths.forEach((width, index) => {
    const own = root.under(`feature_extractor.conv_layers.${index}.`);
    own.add('embedding', 'conv.weight', [width, index === 0 ? 1 : (widths[index - 1] ?? 0), kernels[index] ?? 0]);
    if (flag(part, 'conv_bias')) own.add('embedding', 'conv.bias', [width]);
    if (index === 0 || word(part, 'feat_extract_norm') === 'layer') own.norm('layer_norm', width, true);
  });
  const last = widths[widths.length - 1] ?? 0;
  if (flag(part, 'feat_proj_layer_norm', true)) root.norm('feature_projection.layer_norm', last, true);
  root.linear('embedding', 'feature_projection.projection', last, hidden, true);
  const masks = (amount(part, 'mask_time_prob') ?? 0) > 0 || (amount(part, 'mask_feature_prob') ?? 0) > 0;
  if (masks) root.add('embedding', 'masked_spec_embed', [hidden]);
  // A convolution over positions, stored as direction and length.
  const kernel = amount(part, 'num_conv_pos_embeddings') ?? 0;
  const groups = Math.max(1, amount(part, 'num_conv_pos_embedding_groups') ?? 1);
  const own = root.under('encoder.pos_conv_embed.conv.');
  own.add('embedding', 'weight_g', [1, 1, kernel]);
  own.add('embedding', 'weight_v', [hidden, Math.floor(hidden / groups), kernel]);
  own.add('embedding', 'bias', [hidden]);
}

/** What the class puts on top, by the end of its name; `undefined` where it is not known here. */
const headOf = (className: string | undefined): string | undefined =>
  className === undefined ? 'Model' : /(Model|ForCTC|ForSequenceClassification|ForPreTraining)$/.exec(className)?.[1];

interface SpeechRow {
  readonly id: 'wav2vec2' | 'hubert' | 'wavlm';
  readonly title: string;
  readonly architectures: RegExp;
  readonly writeBias?: (own: TensorWriter, layer: Layer, part: ModelPart) => void;
}

function writeHead(part: ModelPart, writer: TensorWriter, labels: number): void {
  const hidden = part.hiddenSize;
  switch (word(part, 'class_head')) {
    case 'ForCTC':
      writer.linear('head', 'lm_head', hidden, part.vocabularySize ?? 0, true);
      return;
    case 'ForSequenceClassification': {
      const width = amount(part, 'classifier_proj_size') ?? 0;
      writer.linear('head', 'projector', hidden, width, true);
      writer.linear('head', 'classifier', width, labels, true);
      if (flag(part, 'use_weighted_layer_sum')) writer.add('head', 'layer_weights', [part.layers.length + 1]);
      return;
    }
    case 'ForPreTraining': {
      const groups = Math.max(1, amount(part, 'num_codevector_groups') ?? 1);
      const codes = groups * (amount(part, 'num_codevectors_per_group') ?? 0);
      const [width, projected] = [amount(part, 'codevector_dim') ?? 0, amount(part, 'proj_codevector_dim') ?? 0];
      const widths = amounts(part, 'conv_dim');
      writer.add('head', 'quantizer.codevectors', [1, codes, Math.floor(width / groups)]);
      writer.linear('head', 'quantizer.weight_proj', widths[widths.length - 1] ?? 0, codes, true);
      writer.linear('head', 'project_hid', hidden, projected, true);
      writer.linear('head', 'project_q', width, projected, true);
      return;
    }
    case undefined:
    default:
      return;
  }
}

const speechFamily = (row: SpeechRow): StackFamily => ({
  kind: 'stack',
  id: row.id,
  title: row.title,
  modelTypes: [row.id],
  architectures: row.architectures,
  role: 'audio',
  tied: false,
  task: 'base',
  read: (reader) => {
    reader.derive('class_head', headOf(firstArchitecture(reader)) ?? 'other', 'architectures');
    return readTransformer(reader, {
      family: row.id,
      role: 'audio',
      causal: false,
      gated: false,
      norm: 'layer',
      positions: 'relative',
      record: Object.keys(classDefaults(row.id)?.values ?? {}),
    });
  },
  exact: (part, className) =>
    headOf(className) !== undefined &&
    (row.id === 'wav2vec2' || headOf(className) !== 'ForPreTraining') &&
    !flag(part, 'add_adapter') &&
    !flag(part, 'conv_pos_batch_norm') &&
    part.fields['adapter_attn_dim']?.value === null,
  tensors: (part, writer, { task }) => {
    const hidden = part.hiddenSize;
    const root = writer.under(`${row.id}.`);
    writeFrontEnd(part, root);
    root.norm('encoder.layer_norm', hidden, true);
    for (const layer of part.layers) {
      const own = root.layer(layer.index, 'encoder.layers.{layer}.');
      for (const name of ['k_proj', 'v_proj', 'q_proj', 'out_proj'])
        own.linear('attention', `attention.${name}`, hidden, hidden, true);
      row.writeBias?.(own.under('attention.'), layer, part);
      own.norm('layer_norm', hidden, true);
      own.linear('mlp', 'feed_forward.intermediate_dense', hidden, layer.feedForward.size, true);
      own.linear('mlp', 'feed_forward.output_dense', layer.feedForward.size, hidden, true);
      own.norm('final_layer_norm', hidden, true);
    }
    writeHead(part, writer, task.labels);
  },
});

export const wav2vec2 = speechFamily({
  id: 'wav2vec2',
  title: 'wav2vec 2.0',
  architectures: /^Wav2Vec2(Model|For)/,
});

/** Two half networks around attention and a convolution over positions (arXiv:2005.08100); its tensors are not written down here. */
export const wav2vec2Conformer: StackFamily = {
  kind: 'stack',
  id: 'wav2vec2-conformer',
  title: 'wav2vec 2.0 Conformer',
  modelTypes: ['wav2vec2-conformer'],
  architectures: /^Wav2Vec2Conformer(Model|For)/,
  role: 'audio',
  tied: false,
  task: 'base',
  read: (reader) => {
    const note = 'between two half networks, with a convolution behind it';
    return readTransformer(reader, {
      family: 'wav2vec2-conformer',
      role: 'audio',
      causal: false,
      gated: false,
      norm: 'layer',
      positions: reader.raw('position_embeddings_type') === 'rotary' ? 'rope' : 'relative',
      rope: { thetaKey: 'rotary_embedding_base' },
      record: ['conv_depthwise_kernel_size'],
      layerKinds: (count) => Array.from({ length: count }, () => ({ kind: 'full', note })),
    });
  },
};

export const hubert = speechFamily({
  id: 'hubert',
  title: 'HuBERT',
  architectures: /^Hubert(Model|For)/,
});

/** Distances in buckets change the scores, through a gate that each query sets. The table is the first layer's. */
export const wavLm = speechFamily({
  id: 'wavlm',
  title: 'WavLM',
  architectures: /^WavLM(Model|For)/,
  writeBias: (own, layer, part) => {
    own.add('attention', 'gru_rel_pos_const', [1, part.heads, 1, 1]);
    own.linear('attention', 'gru_rel_pos_linear', part.headDim, 8, true);
    if (layer.index === 0)
      own.add('attention', 'rel_attn_embed.weight', [amount(part, 'num_buckets') ?? 320, part.heads]);
  },
});
