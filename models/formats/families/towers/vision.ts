import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import { readTransformer } from '../../config/transformer';
import type { ModelPart, PositionKind } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { StackFamily } from '../shared/family';
import type { Top } from '../shared/top';
import type { FamilyRow } from '../shared/family-row';
import { namesOfRow, readerOfClass, recordedKeys } from '../shared/family-row';
import { amount, flag } from '../shared/family';
import { honoured, idle, pictureKeys } from '../shared/run-keys';

export type ImageSizes = NonNullable<ModelPart['image']>;

/** Pixels of a side: a number, or a pair of which the first is the height. */
export function pixels(reader: ConfigReader, key: string, at = 0): number | undefined {
  const value = reader.raw(key);
  if (Array.isArray(value)) {
    const item: unknown = (value as readonly unknown[])[at];
    return typeof item === 'number' && item > 0 ? item : undefined;
  }
  return reader.integer(key, 1);
}

/** `extra` tokens (class, distillation, registers) stand before the patches. */
export function readImage(reader: ConfigReader, extra: number): ImageSizes {
  const height = pixels(reader, 'image_size');
  const width = pixels(reader, 'image_size', 1) ?? height;
  const patch = pixels(reader, 'patch_size');
  const channels = reader.integer('num_channels', 1) ?? 3;
  const patches =
    height === undefined || width === undefined || patch === undefined
      ? undefined
      : Math.floor(height / patch) * Math.floor(width / patch);
  return {
    channels,
    ...(height === undefined ? {} : { size: height }),
    ...(patch === undefined ? {} : { patch }),
    ...(patches === undefined ? {} : { tokens: patches + extra, outputTokens: patches }),
  };
}

interface VisionRow extends FamilyRow {
  /** What else differs from a plain ViT. */
  readonly choice?: (reader: ConfigReader, image: ImageSizes) => Partial<TransformerChoice>;
  readonly task: StackFamily['task'];
  readonly extraTokens: number;
  /** How the tower sees positions; learned vectors when absent. */
  readonly positions?: (reader: ConfigReader) => PositionKind;
  /** Image sizes where the keys do not say them as most do. */
  readonly image?: (reader: ConfigReader) => ImageSizes;
  readonly record?: readonly string[];
  readonly intermediateSize?: (reader: ConfigReader) => number | undefined;
  readonly gated?: (reader: ConfigReader) => boolean;
  /** What the family knows of the part beyond the choice. */
  readonly finish?: (part: ModelPart, reader: ConfigReader) => ModelPart;
  readonly exact?: StackFamily['exact'];
  /** Absent: the layout is not known in full. */
  readonly tensors?: (part: ModelPart, writer: TensorWriter, top: Top) => void;
}

export function visionFamily(row: VisionRow): StackFamily {
  return {
    ...namesOfRow(row),
    role: 'vision',
    tied: false,
    task: row.task,
    read: (file) => {
      const reader = readerOfClass(file, row.run);
      const image = row.image?.(reader) ?? readImage(reader, row.extraTokens);
      const size = row.intermediateSize?.(reader);
      const part = readTransformer(reader, {
        family: row.id,
        role: 'vision',
        norm: 'layer',
        positions: row.positions?.(reader) ?? 'learned',
        gated: row.gated?.(reader) ?? false,
        image,
        record: recordedKeys(row),
        ...(size === undefined ? {} : { intermediateSize: size }),
        ...(image.tokens === undefined ? {} : { contextLength: image.tokens }),
        ...row.choice?.(reader, image),
      });
      return row.finish?.(part, reader) ?? part;
    },
    ...(row.exact === undefined ? {} : { exact: row.exact }),
    ...(row.tensors === undefined ? {} : { tensors: row.tensors }),
  };
}

const vitKeys = {
  ...pictureKeys,
  ...honoured('qkv_bias'),
  ...idle('of a head that fills in hidden patches', 'encoder_stride'),
  ...idle('of a pooler, which no run reads', 'pooler_act', 'pooler_output_size'),
};

export function writePatches(part: ModelPart, writer: TensorWriter, name: string, bias: boolean): void {
  const patch = part.image?.patch ?? 0;
  writer.add('embedding', `${name}.weight`, [part.hiddenSize, part.image?.channels ?? 3, patch, patch]);
  if (bias) writer.add('embedding', `${name}.bias`, [part.hiddenSize]);
}

/** One layer of a stream of `hidden` with a network of `size`. */
export function writeVitLayer(own: TensorWriter, hidden: number, size: number, bias: boolean): void {
  for (const name of ['query', 'key', 'value'])
    own.linear('attention', `attention.attention.${name}`, hidden, hidden, bias);
  own.linear('attention', 'attention.output.dense', hidden, hidden, true);
  own.linear('mlp', 'intermediate.dense', hidden, size, true);
  own.linear('mlp', 'output.dense', size, hidden, true);
  own.norm('layernorm_before', hidden, true);
  own.norm('layernorm_after', hidden, true);
}

export function writeVitLayers(part: ModelPart, writer: TensorWriter): void {
  const hidden = part.hiddenSize;
  const bias = flag(part, 'qkv_bias', true);
  for (const layer of part.layers)
    writeVitLayer(writer.layer(layer.index, 'encoder.layer.{layer}.'), hidden, layer.feedForward.size, bias);
  writer.norm('layernorm', hidden, true);
}

export const vit = visionFamily({
  id: 'vit',
  title: 'ViT',
  types: ['vit'],
  architectures: /^ViT(Model|ForImage|ForMasked)/,
  task: 'base',
  extraTokens: 1,
  run: vitKeys,
  tensors: (part, writer, { task }) => {
    const root = writer.under('vit.');
    root.add('embedding', 'embeddings.cls_token', [1, 1, part.hiddenSize]);
    root.add('embedding', 'embeddings.position_embeddings', [1, part.image?.tokens ?? 0, part.hiddenSize]);
    writePatches(part, root, 'embeddings.patch_embeddings.projection', true);
    writeVitLayers(part, root);
    if (task.kind === 'base') root.linear('head', 'pooler.dense', part.hiddenSize, part.hiddenSize, true);
    if (task.kind === 'image-classification') writer.linear('head', 'classifier', part.hiddenSize, task.labels, true);
  },
});

/** ViT with a second summary token for distillation. */
export const deit = visionFamily({
  id: 'deit',
  title: 'DeiT',
  types: ['deit'],
  architectures: /^DeiT/,
  task: 'base',
  extraTokens: 2,
  run: vitKeys,
  tensors: (part, writer, { task }) => {
    const root = writer.under('deit.');
    root.add('embedding', 'embeddings.cls_token', [1, 1, part.hiddenSize]);
    root.add('embedding', 'embeddings.distillation_token', [1, 1, part.hiddenSize]);
    root.add('embedding', 'embeddings.position_embeddings', [1, part.image?.tokens ?? 0, part.hiddenSize]);
    writePatches(part, root, 'embeddings.patch_embeddings.projection', true);
    writeVitLayers(part, root);
    if (task.kind === 'base') root.linear('head', 'pooler.dense', part.hiddenSize, part.hiddenSize, true);
    if (task.kind === 'image-classification') {
      // The published classifiers are of the class with a teacher: one head a summary token.
      writer.linear('head', 'cls_classifier', part.hiddenSize, task.labels, true);
      writer.linear('head', 'distillation_classifier', part.hiddenSize, task.labels, true);
    }
  },
});

/** Width of DINOv2's SwiGLU: two thirds of the plain network, rounded up to a multiple of 8. */
const swigluSize = (size: number): number => Math.floor((Math.trunc((size * 2) / 3) + 7) / 8) * 8;

/** What the two DINOv2s share. */
const dinoRow = (id: 'dinov2' | 'dinov2_with_registers') => ({
  id,
  task: 'base' as const,
  record: ['qkv_bias', 'use_swiglu_ffn', 'use_mask_token'],
  intermediateSize: (reader: ConfigReader) => {
    const size = Math.trunc((reader.integer('hidden_size') ?? 0) * (reader.number('mlp_ratio') ?? 4));
    return reader.boolean('use_swiglu_ffn') === true ? swigluSize(size) : size;
  },
  gated: (reader: ConfigReader) => reader.boolean('use_swiglu_ffn') === true,
  tensors: (part: ModelPart, writer: TensorWriter, { task }: Top) => {
    const hidden = part.hiddenSize;
    // The bare model has no prefix of its own.
    const root = writer.under(task.kind === 'base' ? '' : `${id}.`);
    const registers = amount(part, 'num_register_tokens') ?? 0;
    root.add('embedding', 'embeddings.cls_token', [1, 1, hidden]);
    if (flag(part, 'use_mask_token', true)) root.add('embedding', 'embeddings.mask_token', [1, hidden]);
    root.add('embedding', 'embeddings.position_embeddings', [1, (part.image?.tokens ?? 0) - registers, hidden]);
    if (registers > 0) root.add('embedding', 'embeddings.register_tokens', [1, registers, hidden]);
    writePatches(part, root, 'embeddings.patch_embeddings.projection', true);
    for (const layer of part.layers) {
      const own = root.layer(layer.index, 'encoder.layer.{layer}.');
      own.norm('norm1', hidden, true);
      for (const name of ['query', 'key', 'value']) {
        own.linear('attention', `attention.attention.${name}`, hidden, hidden, flag(part, 'qkv_bias', true));
      }
      own.linear('attention', 'attention.output.dense', hidden, hidden, true);
      own.add('other', 'layer_scale1.lambda1', [hidden]);
      own.norm('norm2', hidden, true);
      const size = layer.feedForward.size;
      if (layer.feedForward.gated) {
        own.linear('mlp', 'mlp.weights_in', hidden, 2 * size, true);
        own.linear('mlp', 'mlp.weights_out', size, hidden, true);
      } else {
        own.linear('mlp', 'mlp.fc1', hidden, size, true);
        own.linear('mlp', 'mlp.fc2', size, hidden, true);
      }
      own.add('other', 'layer_scale2.lambda1', [hidden]);
    }
    root.norm('layernorm', hidden, true);
    // Class token and mean of the patches side by side.
    if (task.kind === 'image-classification') writer.linear('head', 'classifier', 2 * hidden, task.labels, true);
  },
});

const { intermediate_size: _none, ...dinoSizes } = pictureKeys;

export const dinov2 = visionFamily({
  ...dinoRow('dinov2'),
  run: {
    ...dinoSizes,
    ...honoured('qkv_bias', 'mlp_ratio', 'use_swiglu_ffn'),
    ...idle('first values of the scales that are stored', 'layerscale_value'),
    ...idle('stands for patches that training hides', 'use_mask_token'),
    ...idle('which states a backbone gives to others', 'apply_layernorm', 'out_features', 'out_indices'),
    ...idle('which states a backbone gives to others', 'reshape_hidden_states', 'stage_names'),
  },
  title: 'DINOv2',
  types: ['dinov2'],
  architectures: /^Dinov2(Model|For)/,
  extraTokens: 1,
});

/** Tokens without a place in the image (arXiv:2309.16588) stand between the class token and the patches. */
export const dinov2WithRegisters = visionFamily({
  ...dinoRow('dinov2_with_registers'),
  title: 'DINOv2 with registers',
  types: ['dinov2_with_registers'],
  architectures: /^Dinov2WithRegisters/,
  extraTokens: 1,
  image: (reader) => readImage(reader, 1 + (reader.integer('num_register_tokens') ?? 4)),
});
