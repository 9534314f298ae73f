/**
 * The transformers of diffusers, which files name by `_class_name`: patches of a picture or film, and the text that it is made
 * from. Nothing is causal and nothing is kept in a cache: each step reads everything anew.
 */
import type { ConfigReader } from '../../config/config-reader';
import { mostLayers, readTransformer } from '../../config/transformer';
import type { Attention, Layer, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { StackFamily } from '../shared/family';
import { amount, amounts, flag, sizeOf, word } from '../shared/family';

interface DiffusionRow {
  /** `_class_name`. */
  readonly className: string;
  readonly title: string;
  readonly record: readonly string[];
  readonly positions: ModelPart['positions'];
  /** Blocks of each kind, in order: how many, and what a block says of itself. */
  readonly blocks: (reader: ConfigReader) => readonly (readonly [count: number, note: string | undefined])[];
  /** Width of the network of a block; four times the stream when absent. */
  readonly networkSize?: (reader: ConfigReader, width: number) => number;
  /** The text is read by attention of its own, and does not go along with the picture. */
  readonly crosses?: true;
  readonly tensors?: (part: ModelPart, writer: TensorWriter) => void;
  readonly exact?: StackFamily['exact'];
}

export const joint = 'picture and text have projections of their own, and are read together';
export const single = 'picture and text in one row';

export function diffusionFamily(row: DiffusionRow): StackFamily {
  const { tensors } = row;
  return {
    kind: 'stack',
    id: row.className,
    title: row.title,
    modelTypes: [row.className],
    role: 'vision',
    tied: false,
    task: 'base',
    read: (reader) => {
      const heads = reader.integer('num_attention_heads', 1) ?? 0;
      const headDim = reader.integer('attention_head_dim', 1) ?? 0;
      const width = heads * headDim;
      const networkSize = row.networkSize?.(reader, width) ?? 4 * width;
      const part = readTransformer(reader, {
        family: row.className,
        role: 'vision',
        causal: false,
        gated: false,
        norm: 'layer',
        positions: row.positions,
        hiddenSize: width,
        heads,
        kvHeads: heads,
        headDim,
        intermediateSize: networkSize,
        layers: 0,
        rope: { layout: 'interleaved' },
        record: ['in_channels', 'out_channels', 'patch_size', ...row.record],
      });
      const attention: Attention = {
        kind: 'full',
        causal: false,
        heads,
        kvHeads: heads,
        headDim,
        valueDim: headDim,
        ...(part.ropes.length > 0 ? { rope: 0 } : {}),
      };
      const layers: Layer[] = [];
      for (const [count, note] of row.blocks(reader))
        for (let index = 0; index < count && layers.length < mostLayers; index++)
          layers.push({
            index: layers.length,
            attention: note === undefined ? attention : { ...attention, note },
            ...(row.crosses === true
              ? { crossAttention: { kind: 'full', causal: false, heads, kvHeads: heads, headDim, valueDim: headDim } }
              : {}),
            feedForward: { kind: 'dense', size: networkSize, gated: false },
          });
      return { ...part, layers, attention: heads === 0 ? 'none' : 'mha', intermediateSize: networkSize };
    },
    ...(row.exact === undefined ? {} : { exact: row.exact }),
    ...(tensors === undefined
      ? {}
      : {
          tensors: (part, writer) => {
            tensors(part, writer);
          },
        }),
  };
}

const size = (part: ModelPart, key: string): number => sizeOf(part, key) ?? 0;
const outputs = (part: ModelPart): number => sizeOf(part, 'out_channels') ?? size(part, 'in_channels');

/** Two layers with an activation between them, for a number or a vector that steers all blocks. */
function writeSteering(own: TensorWriter, name: string, input: number, width: number): void {
  own.linear('embedding', `${name}.linear_1`, input, width, true);
  own.linear('embedding', `${name}.linear_2`, width, width, true);
}

function writeNetwork(own: TensorWriter, name: string, width: number, inner: number): void {
  own.linear('mlp', `${name}.net.0.proj`, width, inner, true);
  own.linear('mlp', `${name}.net.2`, inner, width, true);
}

function writeProjections(own: TensorWriter, names: readonly string[], width: number, input = width): void {
  for (const name of names) own.linear('attention', name, input, width, true);
}

const own = ['attn.to_q', 'attn.to_k', 'attn.to_v'];
const added = ['attn.add_q_proj', 'attn.add_k_proj', 'attn.add_v_proj'];
const writeNorms = (writer: TensorWriter, names: readonly string[], width: number): void => {
  for (const name of names) writer.norm(`attn.${name}`, width, false);
};
/** Sines of the time step. */
const timeWidth = 256;

const flux = diffusionFamily({
  className: 'FluxTransformer2DModel',
  title: 'FLUX.1',
  record: ['joint_attention_dim', 'pooled_projection_dim', 'guidance_embeds'],
  positions: 'rope',
  blocks: (reader) => [
    [reader.integer('num_layers') ?? 0, joint],
    [reader.integer('num_single_layers') ?? 0, single],
  ],
  tensors: (part, writer) => {
    const width = part.hiddenSize;
    writer.linear('embedding', 'x_embedder', size(part, 'in_channels'), width, true);
    writer.linear('embedding', 'context_embedder', size(part, 'joint_attention_dim'), width, true);
    const steering = writer.under('time_text_embed.');
    writeSteering(steering, 'timestep_embedder', timeWidth, width);
    if (flag(part, 'guidance_embeds')) writeSteering(steering, 'guidance_embedder', timeWidth, width);
    writeSteering(steering, 'text_embedder', size(part, 'pooled_projection_dim'), width);
    const double = Math.min(size(part, 'num_layers'), part.layers.length);
    for (const { index, feedForward } of part.layers) {
      const isSingle = index >= double;
      const block = writer.layer(
        index,
        isSingle ? `single_transformer_blocks.${index - double}.` : 'transformer_blocks.{layer}.',
      );
      const stream = isSingle ? block : block.ofStreams(2);
      writeProjections(stream, own, width);
      writeNorms(block, ['norm_q', 'norm_k'], part.headDim);
      if (isSingle) {
        block.linear('other', 'norm.linear', width, 3 * width, true);
        block.linear('mlp', 'proj_mlp', width, feedForward.size, true);
        // Attention and network side by side.
        block.linear('mlp', 'proj_out', width + feedForward.size, width, true);
        continue;
      }
      for (const name of ['norm1', 'norm1_context']) block.linear('other', `${name}.linear`, width, 6 * width, true);
      writeProjections(stream, [...added, 'attn.to_out.0', 'attn.to_add_out'], width);
      writeNorms(block, ['norm_added_q', 'norm_added_k'], part.headDim);
      for (const name of ['ff', 'ff_context']) writeNetwork(stream, name, width, feedForward.size);
    }
    writer.linear('head', 'norm_out.linear', width, 2 * width, true);
    writer.linear('head', 'proj_out', width, size(part, 'patch_size') ** 2 * outputs(part), true);
  },
});

const stableDiffusion3 = diffusionFamily({
  className: 'SD3Transformer2DModel',
  title: 'Stable Diffusion 3',
  record: [
    'joint_attention_dim',
    'caption_projection_dim',
    'pooled_projection_dim',
    'dual_attention_layers',
    'qk_norm',
  ],
  positions: 'sinusoidal',
  blocks: (reader) => [[reader.integer('num_layers') ?? 0, joint]],
  tensors: (part, writer) => {
    const width = part.hiddenSize;
    const patch = size(part, 'patch_size');
    writer.add('embedding', 'pos_embed.proj.weight', [width, size(part, 'in_channels'), patch, patch]);
    writer.add('embedding', 'pos_embed.proj.bias', [width]);
    writeSteering(writer, 'time_text_embed.timestep_embedder', timeWidth, width);
    writeSteering(writer, 'time_text_embed.text_embedder', size(part, 'pooled_projection_dim'), width);
    writer.linear(
      'embedding',
      'context_embedder',
      size(part, 'joint_attention_dim'),
      size(part, 'caption_projection_dim'),
      true,
    );
    const twice = new Set(amounts(part, 'dual_attention_layers'));
    const normed = word(part, 'qk_norm') === 'rms_norm';
    for (const { index, feedForward } of part.layers) {
      const block = writer.layer(index, 'transformer_blocks.{layer}.');
      // Nothing reads the text behind the last block.
      const isLast = index === part.layers.length - 1;
      const stream = block.ofStreams(2);
      block.linear('other', 'norm1.linear', width, (twice.has(index) ? 9 : 6) * width, true);
      block.linear('other', 'norm1_context.linear', width, (isLast ? 2 : 6) * width, true);
      writeProjections(stream, [...own, ...added, 'attn.to_out.0', ...(isLast ? [] : ['attn.to_add_out'])], width);
      if (normed) writeNorms(block, ['norm_q', 'norm_k', 'norm_added_q', 'norm_added_k'], part.headDim);
      if (twice.has(index)) {
        writeProjections(block, ['attn2.to_q', 'attn2.to_k', 'attn2.to_v', 'attn2.to_out.0'], width);
        if (normed) for (const name of ['norm_q', 'norm_k']) block.norm(`attn2.${name}`, part.headDim, false);
      }
      writeNetwork(isLast ? block : stream, 'ff', width, feedForward.size);
      if (!isLast) writeNetwork(stream, 'ff_context', width, feedForward.size);
    }
    writer.linear('head', 'norm_out.linear', width, 2 * width, true);
    writer.linear('head', 'proj_out', width, patch ** 2 * outputs(part), true);
  },
});

const qwenImage = diffusionFamily({
  className: 'QwenImageTransformer2DModel',
  title: 'Qwen-Image',
  record: ['joint_attention_dim', 'axes_dims_rope'],
  positions: 'rope',
  blocks: (reader) => [[reader.integer('num_layers') ?? 0, joint]],
  tensors: (part, writer) => {
    const width = part.hiddenSize;
    const text = size(part, 'joint_attention_dim');
    writer.linear('embedding', 'img_in', size(part, 'in_channels'), width, true);
    writer.norm('txt_norm', text, false);
    writer.linear('embedding', 'txt_in', text, width, true);
    writeSteering(writer, 'time_text_embed.timestep_embedder', timeWidth, width);
    for (const { index, feedForward } of part.layers) {
      const block = writer.layer(index, 'transformer_blocks.{layer}.');
      for (const name of ['img_mod', 'txt_mod']) block.linear('other', `${name}.1`, width, 6 * width, true);
      const stream = block.ofStreams(2);
      writeProjections(stream, [...own, ...added, 'attn.to_out.0', 'attn.to_add_out'], width);
      writeNorms(block, ['norm_q', 'norm_k', 'norm_added_q', 'norm_added_k'], part.headDim);
      for (const name of ['img_mlp', 'txt_mlp']) writeNetwork(stream, name, width, feedForward.size);
    }
    writer.linear('head', 'norm_out.linear', width, 2 * width, true);
    writer.linear('head', 'proj_out', width, size(part, 'patch_size') ** 2 * outputs(part), true);
  },
});

/** Sides of a patch of a film: frames, height, width. */
const filmPatch = (part: ModelPart): readonly number[] => {
  const sides = amounts(part, 'patch_size');
  return sides.length === 3 ? sides : [1, 2, 2];
};

const wan = diffusionFamily({
  className: 'WanTransformer3DModel',
  title: 'Wan',
  record: ['text_dim', 'freq_dim', 'cross_attn_norm', 'qk_norm', 'image_dim', 'added_kv_proj_dim', 'pos_embed_seq_len'],
  positions: 'rope',
  blocks: (reader) => [[reader.integer('num_layers') ?? 0, undefined]],
  networkSize: (reader) => reader.integer('ffn_dim', 1) ?? 0,
  crosses: true,
  exact: (part) => word(part, 'qk_norm') === 'rms_norm_across_heads',
  tensors: (part, writer) => {
    const width = part.hiddenSize;
    const sides = filmPatch(part);
    writer.add('embedding', 'patch_embedding.weight', [width, size(part, 'in_channels'), ...sides]);
    writer.add('embedding', 'patch_embedding.bias', [width]);
    const condition = writer.under('condition_embedder.');
    writeSteering(condition, 'time_embedder', size(part, 'freq_dim'), width);
    condition.linear('embedding', 'time_proj', width, 6 * width, true);
    writeSteering(condition, 'text_embedder', size(part, 'text_dim'), width);
    const image = amount(part, 'image_dim');
    if (image !== undefined) {
      const eyes = condition.under('image_embedder.');
      eyes.norm('norm1', image, true);
      eyes.linear('embedding', 'ff.net.0.proj', image, image, true);
      eyes.linear('embedding', 'ff.net.2', image, width, true);
      eyes.norm('norm2', width, true);
      const positions = amount(part, 'pos_embed_seq_len');
      if (positions !== undefined) eyes.add('embedding', 'pos_embed', [1, positions, image]);
    }
    const extra = amount(part, 'added_kv_proj_dim');
    for (const { index, feedForward } of part.layers) {
      const block = writer.layer(index, 'blocks.{layer}.');
      for (const name of ['attn1', 'attn2']) {
        writeProjections(
          block,
          ['to_q', 'to_k', 'to_v', 'to_out.0'].map((each) => `${name}.${each}`),
          width,
        );
        for (const norm of ['norm_q', 'norm_k']) block.norm(`${name}.${norm}`, width, false);
      }
      if (extra !== undefined) {
        writeProjections(block, ['attn2.add_k_proj', 'attn2.add_v_proj'], width, extra);
        block.norm('attn2.norm_added_k', width, false);
      }
      if (flag(part, 'cross_attn_norm', true)) block.norm('norm2', width, true);
      writeNetwork(block, 'ffn', width, feedForward.size);
      block.add('other', 'scale_shift_table', [1, 6, width]);
    }
    writer.linear('head', 'proj_out', width, sides.reduce((all, side) => all * side, 1) * outputs(part), true);
    writer.add('head', 'scale_shift_table', [1, 2, width]);
  },
});

/** Blocks of the second half also read what the first half gave; its tensors are not written down here. */
const hunyuanDit = diffusionFamily({
  className: 'HunyuanDiT2DModel',
  title: 'Hunyuan-DiT',
  record: ['cross_attention_dim', 'cross_attention_dim_t5', 'text_len', 'text_len_t5', 'learn_sigma'],
  positions: 'rope',
  blocks: (reader) => [[reader.integer('num_layers') ?? 0, undefined]],
  networkSize: (reader, width) => Math.trunc(width * (reader.positive('mlp_ratio') ?? 4)),
  crosses: true,
});

export const diffusionTransformers = [flux, stableDiffusion3, qwenImage, wan, hunyuanDit];
