/** The U-Net of Stable Diffusion 1, 2 and XL: convolutions, and transformers of one or more blocks at the levels that say so. */
import type { ConfigReader } from '../../config/config-reader';
import { mostLayers, readTransformer } from '../../config/transformer';
import type { Layer, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { StackFamily } from '../shared/family';
import { amount, flag, sizeOf, word } from '../shared/family';

type Fields = ModelPart['fields'];

/** One residual network of convolutions and the transformer behind it, in the order in which they are computed. */
interface Step {
  readonly name: string;
  readonly index: number;
  readonly input: number;
  readonly width: number;
  /** How often the picture was halved. */
  readonly level: number;
  /** Blocks of the transformer behind it; 0: none. */
  readonly blocks: number;
  readonly heads: number;
}

interface Stages {
  readonly steps: readonly Step[];
  readonly widths: readonly number[];
  /** Names of convolutions between levels, with their width. */
  readonly between: readonly (readonly [name: string, width: number])[];
  /** Only of the block types whose tensors are written down here. */
  readonly known: boolean;
}

const listOf = (fields: Fields, key: string): readonly unknown[] => {
  const value = fields[key]?.value;
  return Array.isArray(value) ? value.slice(0, 16) : [];
};
/** A number for all levels, or a list with one for each. */
const at = (fields: Fields, key: string, level: number, absent: number): number => {
  const value = fields[key]?.value;
  const item: unknown = Array.isArray(value) ? value[level] : value;
  return typeof item === 'number' && Number.isInteger(item) && item >= 0 && item <= 4096 ? item : absent;
};

const downTypes = new Set(['CrossAttnDownBlock2D', 'DownBlock2D']);
const upTypes = new Set(['CrossAttnUpBlock2D', 'UpBlock2D']);

function stagesOf(fields: Fields): Stages {
  const widths = listOf(fields, 'block_out_channels').map((width) =>
    typeof width === 'number' && Number.isInteger(width) && width > 0 && width <= 65_536 ? width : 0,
  );
  const [down, up] = [listOf(fields, 'down_block_types'), listOf(fields, 'up_block_types')];
  const last = widths.length - 1;
  const headsAt = (level: number): number => {
    // The key is called after the width of a head and has always been their number (diffusers, issue 2011).
    const said = at(fields, 'num_attention_heads', level, 0);
    return said > 0 ? said : at(fields, 'attention_head_dim', level, 8);
  };
  const blocksAt = (level: number): number => at(fields, 'transformer_layers_per_block', level, 1);
  const perLevel = (level: number): number => at(fields, 'layers_per_block', level, 2);
  const steps: Step[] = [];
  const between: (readonly [string, number])[] = [];
  /** Blocks that may still be described: no more than layers of other models. */
  let left = mostLayers;
  const push = (step: Step): void => {
    if (steps.length >= mostLayers) return;
    const blocks = Math.min(step.blocks, left);
    left -= blocks;
    steps.push({ ...step, blocks });
  };
  let before = widths[0] ?? 0;
  const skips = [before];
  widths.forEach((width, level) => {
    const attends = String(down[level]).startsWith('CrossAttn');
    for (let index = 0; index < perLevel(level); index++) {
      push({
        name: `down_blocks.${level}`,
        index,
        input: before,
        width,
        level,
        blocks: attends ? blocksAt(level) : 0,
        heads: headsAt(level),
      });
      skips.push((before = width));
    }
    if (level === last) return;
    between.push([`down_blocks.${level}.downsamplers.0.conv`, width]);
    skips.push(width);
  });
  const middle = { name: 'mid_block', input: before, width: before, level: last, heads: headsAt(last) };
  push({ ...middle, index: 0, blocks: blocksAt(last) });
  push({ ...middle, index: 1, blocks: 0 });
  widths.toReversed().forEach((width, stage) => {
    const level = last - stage;
    const attends = String(up[stage]).startsWith('CrossAttn');
    for (let index = 0; index <= perLevel(level); index++) {
      push({
        name: `up_blocks.${stage}`,
        index,
        input: before + (skips.pop() ?? 0),
        width,
        level,
        blocks: attends ? blocksAt(level) : 0,
        heads: headsAt(level),
      });
      before = width;
    }
    if (stage < last) between.push([`up_blocks.${stage}.upsamplers.0.conv`, width]);
  });
  const isKnown = (types: readonly unknown[], known: ReadonlySet<string>): boolean =>
    types.length === widths.length && types.every((type) => typeof type === 'string' && known.has(type));
  return { steps, widths, between, known: isKnown(down, downTypes) && isKnown(up, upTypes) };
}

function layersOf(stages: Stages, side: number | undefined): readonly Layer[] {
  const layers: Layer[] = [];
  for (const { width, level, blocks, heads } of stages.steps)
    for (let block = 0; block < blocks; block++) {
      const headDim = heads > 0 ? Math.floor(width / heads) : 0;
      const sizes = { causal: false, heads, kvHeads: heads, headDim, valueDim: headDim };
      layers.push({
        index: layers.length,
        hiddenSize: width,
        ...(side === undefined ? {} : { positions: Math.floor(side / 2 ** level) ** 2 }),
        attention: { kind: 'full', ...sizes },
        crossAttention: { kind: 'full', ...sizes },
        feedForward: { kind: 'dense', size: 4 * width, gated: true },
      });
    }
  return layers;
}

/** A convolution of squares, with a bias. */
function convolution(own: TensorWriter, name: string, input: number, output: number, kernel: number): void {
  own.add('other', `${name}.weight`, [output, input, kernel, kernel]);
  own.add('other', `${name}.bias`, [output]);
}

function writeResidual(own: TensorWriter, { input, width }: Step, time: number): void {
  own.norm('norm1', input, true);
  convolution(own, 'conv1', input, width, 3);
  own.linear('other', 'time_emb_proj', time, width, true);
  own.norm('norm2', width, true);
  convolution(own, 'conv2', width, width, 3);
  if (input !== width) convolution(own, 'conv_shortcut', input, width, 1);
}

function writeTransformer(own: TensorWriter, { width, blocks }: Step, text: number, isLinear: boolean): void {
  own.norm('norm', width, true);
  for (const name of ['proj_in', 'proj_out'])
    if (isLinear) own.linear('other', name, width, width, true);
    else convolution(own, name, width, width, 1);
  for (let index = 0; index < blocks; index++) {
    const block = own.under(`transformer_blocks.${index}.`);
    for (const name of ['norm1', 'norm2', 'norm3']) block.norm(name, width, true);
    for (const [name, read] of [
      ['attn1', width],
      ['attn2', text],
    ] as const) {
      block.linear('attention', `${name}.to_q`, width, width, false);
      block.linear('attention', `${name}.to_k`, read, width, false);
      block.linear('attention', `${name}.to_v`, read, width, false);
      block.linear('attention', `${name}.to_out.0`, width, width, true);
    }
    block.linear('mlp', 'ff.net.0.proj', width, 8 * width, true);
    block.linear('mlp', 'ff.net.2', 4 * width, width, true);
  }
}

const values = {
  sample_size: null,
  in_channels: 4,
  out_channels: 4,
  down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
  block_out_channels: [320, 640, 1280, 1280],
  layers_per_block: 2,
  cross_attention_dim: 1280,
  transformer_layers_per_block: 1,
  attention_head_dim: 8,
  num_attention_heads: null,
  use_linear_projection: false,
  addition_embed_type: null,
  projection_class_embeddings_input_dim: null,
};

/** Keys that bring modules which are not written down here. */
const further = [
  'class_embed_type',
  'encoder_hid_dim',
  'encoder_hid_dim_type',
  'time_cond_proj_dim',
  'num_class_embeds',
  'dual_cross_attention',
  'only_cross_attention',
  'reverse_transformer_layers_per_block',
  'attention_type',
  'mid_block_only_cross_attention',
  'time_embedding_dim',
] as const;

const isUsual = (fields: Fields): boolean =>
  further.every((key) => {
    const value = fields[key]?.value;
    return value === undefined || value === null || value === false || value === 'default';
  });

export const unet: StackFamily = {
  kind: 'stack',
  id: 'UNet2DConditionModel',
  title: 'U-Net (Stable Diffusion)',
  modelTypes: ['UNet2DConditionModel'],
  role: 'vision',
  tied: false,
  task: 'base',
  read: (reader: ConfigReader) => {
    for (const key of [...Object.keys(values), ...further, 'mid_block_type', 'time_embedding_type']) reader.raw(key);
    const stages = stagesOf(reader.fields);
    const side = reader.raw('sample_size');
    const layers = layersOf(stages, typeof side === 'number' && side > 0 && side <= 65_536 ? side : undefined);
    const middle = layers.find(({ hiddenSize }) => hiddenSize === stages.widths.at(-1)) ?? layers.at(-1);
    const { heads = 0, headDim = 0 } = middle?.attention ?? {};
    const part = readTransformer(reader, {
      family: 'UNet2DConditionModel',
      role: 'vision',
      causal: false,
      gated: true,
      norm: 'layer',
      positions: 'none',
      hiddenSize: stages.widths.at(-1) ?? 0,
      layers: 0,
      heads,
      kvHeads: heads,
      headDim,
      intermediateSize: 4 * (stages.widths.at(-1) ?? 0),
    });
    return { ...part, layers, attention: layers.length === 0 ? 'none' : 'mha' };
  },
  exact: (part) => {
    const added = part.fields['addition_embed_type']?.value;
    const middle = part.fields['mid_block_type']?.value;
    return (
      stagesOf(part.fields).known &&
      isUsual(part.fields) &&
      (added === null || added === 'text_time') &&
      (middle === undefined || middle === 'UNetMidBlock2DCrossAttn') &&
      typeof part.fields['cross_attention_dim']?.value === 'number'
    );
  },
  tensors: (part, writer) => {
    const { steps, widths, between } = stagesOf(part.fields);
    const first = widths[0] ?? 0;
    const time = 4 * first;
    const text = sizeOf(part, 'cross_attention_dim') ?? 0;
    convolution(writer, 'conv_in', sizeOf(part, 'in_channels') ?? 0, first, 3);
    writer.linear('embedding', 'time_embedding.linear_1', first, time, true);
    writer.linear('embedding', 'time_embedding.linear_2', time, time, true);
    if (word(part, 'addition_embed_type') === 'text_time') {
      const input = amount(part, 'projection_class_embeddings_input_dim') ?? 0;
      writer.linear('embedding', 'add_embedding.linear_1', input, time, true);
      writer.linear('embedding', 'add_embedding.linear_2', time, time, true);
    }
    for (const step of steps) {
      writeResidual(writer.under(`${step.name}.resnets.${step.index}.`), step, time);
      if (step.blocks > 0)
        writeTransformer(
          writer.under(`${step.name}.attentions.${step.index}.`),
          step,
          text,
          flag(part, 'use_linear_projection'),
        );
    }
    for (const [name, width] of between) convolution(writer, name, width, width, 3);
    writer.norm('conv_norm_out', first, true);
    convolution(writer, 'conv_out', first, sizeOf(part, 'out_channels') ?? 0, 3);
  },
};
