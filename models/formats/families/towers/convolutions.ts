/** Networks of convolutions: they have no attention, and say so. */
import type { ConfigReader } from '../../config/config-reader';
import { mostLayers } from '../../config/transformer';
import type { Layer, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { StackFamily } from '../shared/family';
import { amount, amounts, flag, word } from '../shared/family';
import { sizesOf } from './stages';
import { readImage } from './vision';

interface ConvolutionRow {
  readonly id: string;
  readonly title: string;
  readonly architectures: RegExp;
  readonly record: readonly string[];
  /** Widths of the blocks, in order. */
  readonly blocks: (reader: ConfigReader) => readonly number[];
  /** Width of what the network gives, where it is not that of the last block. */
  readonly width?: (reader: ConfigReader) => number;
  readonly exact?: StackFamily['exact'];
  readonly tensors?: StackFamily['tensors'];
}

const note = 'a block of convolutions';

function readBlocks(reader: ConfigReader, row: ConvolutionRow): ModelPart {
  for (const key of row.record) reader.raw(key);
  const blocks = row.blocks(reader).slice(0, mostLayers);
  const layers: readonly Layer[] = blocks.map((hiddenSize, index) => ({
    index,
    hiddenSize,
    attention: { kind: 'none', causal: false, heads: 0, kvHeads: 0, headDim: 0, valueDim: 0, note },
    feedForward: { kind: 'none', size: 0, gated: false },
  }));
  const activation = reader.string('hidden_act');
  const { channels, size } = readImage(reader, 0);
  return {
    name: reader.path.join('.'),
    path: reader.path,
    role: 'vision',
    family: row.id,
    hiddenSize: row.width?.(reader) ?? blocks[blocks.length - 1] ?? 0,
    layers,
    attention: 'none',
    heads: 0,
    kvHeads: 0,
    headDim: 0,
    valueDim: 0,
    ropes: [],
    positions: 'none',
    ...(activation === undefined ? {} : { activation }),
    norm: { kind: 'layer' },
    image: { channels, ...(size === undefined ? {} : { size }) },
    fields: reader.fields,
  };
}

export const convolutionFamily = (row: ConvolutionRow): StackFamily => ({
  kind: 'stack',
  id: row.id,
  title: row.title,
  modelTypes: [row.id],
  architectures: row.architectures,
  role: 'vision',
  tied: false,
  task: 'base',
  read: (reader) => readBlocks(reader, row),
  ...(row.exact === undefined ? {} : { exact: row.exact }),
  ...(row.tensors === undefined ? {} : { tensors: row.tensors }),
});

/** A convolution of squares and the norm behind it, whose means and variances are no parameters. */
function writeConvolution(own: TensorWriter, name: string, input: number, output: number, kernel: number): void {
  own.add('other', `${name}.convolution.weight`, [output, input, kernel, kernel]);
  own.norm(`${name}.normalization`, output, true);
}

const resnetRow: ConvolutionRow = {
  id: 'resnet',
  title: 'ResNet',
  architectures: /^ResNet(Model|For)/,
  record: ['embedding_size', 'layer_type', 'downsample_in_first_stage'],
  blocks: (reader) => {
    const widths = sizesOf(reader, 'hidden_sizes');
    return sizesOf(reader, 'depths').flatMap((depth, stage) =>
      Array.from({ length: Math.min(depth, mostLayers) }, () => widths[stage] ?? 0),
    );
  },
  tensors: (part, writer, { task }) => {
    const root = writer.under('resnet.');
    const stem = amount(part, 'embedding_size') ?? 0;
    const bottleneck = word(part, 'layer_type') !== 'basic';
    writeConvolution(root, 'embedder.embedder', part.image?.channels ?? 3, stem, 7);
    let input = stem;
    let block = 0;
    amounts(part, 'depths').forEach((depth, stage) => {
      for (let index = 0; index < depth && block < part.layers.length; index++, block++) {
        const output = part.layers[block]?.hiddenSize ?? 0;
        const own = root.layer(block, `encoder.stages.${stage}.layers.${index}.`);
        // The first block of a stage halves the image, of the first stage only where the file says so.
        const halves = index === 0 && (stage > 0 || flag(part, 'downsample_in_first_stage'));
        if (input !== output || halves) writeConvolution(own, 'shortcut', input, output, 1);
        const inner = Math.floor(output / 4);
        if (bottleneck) {
          writeConvolution(own, 'layer.0', input, inner, 1);
          writeConvolution(own, 'layer.1', inner, inner, 3);
          writeConvolution(own, 'layer.2', inner, output, 1);
        } else {
          writeConvolution(own, 'layer.0', input, output, 3);
          writeConvolution(own, 'layer.1', output, output, 3);
        }
        input = output;
      }
    });
    if (task.kind === 'image-classification') writer.linear('head', 'classifier.1', part.hiddenSize, task.labels, true);
  },
};
export const resnet = convolutionFamily(resnetRow);

/** The ResNet of RT-DETR, whose stem is three convolutions. */
export const rtDetrResNet = convolutionFamily({
  id: 'rt_detr_resnet',
  title: 'ResNet (RT-DETR)',
  architectures: /^RTDetrResNet/,
  record: resnetRow.record,
  blocks: resnetRow.blocks,
});

/** To a multiple of `divisor`, and not below nine tenths of what was asked for (MobileNet's rule). */
function divisible(value: number, divisor: number, least: number): number {
  const rounded = Math.max(least, Math.floor((value + divisor / 2) / divisor) * divisor);
  return rounded < 0.9 * value ? rounded + divisor : rounded;
}

/** Widths of its blocks at a multiplier of 1 (arXiv:1801.04381, table 2). */
const mobileWidths = [16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320];

const mobileWidth = (reader: ConfigReader, width: number): number =>
  divisible(
    Math.round(width * (reader.positive('depth_multiplier') ?? 1)),
    reader.integer('depth_divisible_by', 1) ?? 8,
    reader.integer('min_depth', 1) ?? 8,
  );

export const mobileNetV2 = convolutionFamily({
  id: 'mobilenet_v2',
  title: 'MobileNetV2',
  architectures: /^MobileNetV2(Model|For)/,
  record: ['expand_ratio', 'finegrained_output'],
  blocks: (reader) => mobileWidths.map((width) => mobileWidth(reader, width)),
  width: (reader) => {
    const narrow = (reader.positive('depth_multiplier') ?? 1) < 1;
    return narrow && reader.boolean('finegrained_output') === true ? 1280 : mobileWidth(reader, 1280);
  },
});

export const efficientNet = convolutionFamily({
  id: 'efficientnet',
  title: 'EfficientNet',
  architectures: /^EfficientNet(Model|For)/,
  record: [],
  blocks: (reader) => {
    const widths = sizesOf(reader, 'out_channels');
    const [wide, deep] = [reader.positive('width_coefficient') ?? 1, reader.positive('depth_coefficient') ?? 1];
    const divisor = reader.integer('depth_divisor', 1) ?? 8;
    return sizesOf(reader, 'num_block_repeats').flatMap((repeats, stage) =>
      Array.from({ length: Math.min(Math.ceil(repeats * deep), mostLayers) }, () =>
        divisible((widths[stage] ?? 0) * wide, divisor, divisor),
      ),
    );
  },
  width: (reader) => reader.integer('hidden_dim') ?? 0,
});
