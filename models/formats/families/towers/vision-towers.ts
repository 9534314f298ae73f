/** Vision towers that are published as parts of vision-language models. */
import type { ConfigReader } from '../../config/config-reader';
import type { Attention, Layer, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { amount, flag } from '../shared/family';
import { visionFamily, writePatches } from './vision';

const rotary = { positions: 'rope' as const };

/** Rotated in two dimensions, RMS norms and a gated network: a Llama that reads patches. */
export const pixtral = visionFamily({
  id: 'pixtral',
  title: 'Pixtral vision',
  types: ['pixtral'],
  architectures: /^PixtralVision/,
  task: 'base',
  extraTokens: 0,
  gated: () => true,
  choice: () => ({ ...rotary, norm: 'rms' }),
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    writePatches(part, writer, 'patch_conv', false);
    writer.norm('ln_pre', hidden, false);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'transformer.layers.{layer}.');
      const inner = part.heads * part.headDim;
      for (const name of ['q_proj', 'k_proj', 'v_proj'])
        own.linear('attention', `attention.${name}`, hidden, inner, false);
      own.linear('attention', 'attention.o_proj', inner, hidden, false);
      for (const name of ['gate_proj', 'up_proj'])
        own.linear('mlp', `feed_forward.${name}`, hidden, layer.feedForward.size, false);
      own.linear('mlp', 'feed_forward.down_proj', layer.feedForward.size, hidden, false);
      own.norm('attention_norm', hidden, false);
      own.norm('ffn_norm', hidden, false);
    }
  },
});

/** Separate projections, two layers in the network, and a norm in front of each: the block of CLIP under Llama's names. */
function writeBlock(own: TensorWriter, layer: Layer, hidden: number, bias: boolean): void {
  for (const name of ['q_proj', 'k_proj', 'v_proj', 'o_proj'])
    own.linear('attention', `self_attn.${name}`, hidden, hidden, bias);
  own.linear('mlp', 'mlp.fc1', hidden, layer.feedForward.size, true);
  own.linear('mlp', 'mlp.fc2', layer.feedForward.size, hidden, true);
  own.norm('input_layernorm', hidden, true);
  own.norm('post_attention_layernorm', hidden, true);
}

/** Tiles of one picture that the tower of Llama 3.2 Vision reads together. */
const tilesOf = (part: ModelPart): number => amount(part, 'max_num_tiles') ?? 4;

/** Local layers, and global ones behind them; all attend over the patches of every tile, each with a class token. */
export const mllamaVision = visionFamily({
  id: 'mllama_vision',
  title: 'Llama 3.2 Vision tower',
  types: ['mllama_vision_model'],
  task: 'base',
  extraTokens: 1,
  record: ['max_num_tiles', 'num_global_layers', 'vision_output_dim', 'supported_aspect_ratios'],
  choice: (reader, image) => {
    const tiles = reader.integer('max_num_tiles', 1) ?? 4;
    const tokens = image.tokens === undefined ? undefined : image.tokens * tiles;
    return {
      layers: (reader.integer('num_hidden_layers', 1) ?? 0) + (reader.integer('num_global_layers') ?? 0),
      ...(tokens === undefined ? {} : { contextLength: tokens, image: { ...image, tokens, outputTokens: tokens } }),
    };
  },
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    const tiles = tilesOf(part);
    const perTile = (part.image?.tokens ?? 0) / tiles;
    const ratios = part.fields['supported_aspect_ratios']?.value;
    // One more: no picture.
    const forms = (Array.isArray(ratios) ? ratios.length : 0) + 1;
    writePatches(part, writer, 'patch_embedding', false);
    writer.add('embedding', 'class_embedding', [hidden]);
    const grid = writer.under('gated_positional_embedding.');
    grid.add('embedding', 'gate', [1]);
    grid.add('embedding', 'embedding', [perTile, hidden]);
    grid.add('embedding', 'tile_embedding.weight', [forms, tiles * perTile * hidden]);
    for (const name of ['pre_tile_positional_embedding', 'post_tile_positional_embedding']) {
      writer.add('embedding', `${name}.gate`, [1]);
      writer.add('embedding', `${name}.embedding.weight`, [forms, tiles * hidden]);
    }
    writer.norm('layernorm_pre', hidden, true);
    writer.norm('layernorm_post', hidden, true);
    const local = part.layers.length - (amount(part, 'num_global_layers') ?? 0);
    for (const layer of part.layers) {
      const global = layer.index >= local;
      const own = global
        ? writer.layer(layer.index - local, 'global_transformer.layers.{layer}.')
        : writer.layer(layer.index, 'transformer.layers.{layer}.');
      writeBlock(own, layer, hidden, false);
      if (!global) continue;
      own.add('other', 'gate_attn', [1]);
      own.add('other', 'gate_ffn', [1]);
    }
  },
});

export const llama4Vision = visionFamily({
  id: 'llama4_vision',
  title: 'Llama 4 vision',
  types: ['llama4_vision_model'],
  task: 'base',
  extraTokens: 1,
  record: ['vision_output_dim', 'projector_input_dim', 'projector_output_dim', 'pixel_shuffle_ratio'],
  choice: (reader, image) => {
    const ratio = reader.number('pixel_shuffle_ratio') ?? 0.5;
    const { outputTokens } = image;
    return {
      ...rotary,
      norm: 'layer',
      ...(outputTokens === undefined
        ? {}
        : { image: { ...image, outputTokens: Math.floor(outputTokens * ratio * ratio) } }),
    };
  },
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    const { patch = 0, channels = 3, tokens = 0 } = part.image ?? { channels: 3 };
    writer.linear('embedding', 'patch_embedding.linear', channels * patch * patch, hidden, false);
    writer.add('embedding', 'class_embedding', [hidden]);
    writer.add('embedding', 'positional_embedding_vlm', [tokens, hidden]);
    writer.norm('layernorm_pre', hidden, true);
    writer.norm('layernorm_post', hidden, true);
    for (const layer of part.layers)
      writeBlock(writer.layer(layer.index, 'model.layers.{layer}.'), layer, hidden, true);
    const [input, output] = [amount(part, 'projector_input_dim') ?? 0, amount(part, 'projector_output_dim') ?? 0];
    // The shuffled patches are as wide as the network of a layer: 1,408 x 2 x 2 = 5,632.
    writer.linear('projector', 'vision_adapter.mlp.fc1', part.intermediateSize ?? 0, input, false);
    writer.linear('projector', 'vision_adapter.mlp.fc2', input, output, false);
  },
});

export const blipVision = visionFamily({
  id: 'blip_vision',
  title: 'BLIP vision',
  types: ['blip_vision_model', 'blip_2_vision_model', 'instructblip_vision_model'],
  architectures: /^(Blip|Blip2|InstructBlip)VisionModel/,
  task: 'base',
  extraTokens: 1,
  record: ['qkv_bias'],
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    writer.add('embedding', 'embeddings.class_embedding', [1, 1, hidden]);
    writePatches(part, writer, 'embeddings.patch_embedding', true);
    writer.add('embedding', 'embeddings.position_embedding', [1, part.image?.tokens ?? 0, hidden]);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'encoder.layers.{layer}.');
      own.linear('attention', 'self_attn.qkv', hidden, 3 * hidden, flag(part, 'qkv_bias', true));
      own.linear('attention', 'self_attn.projection', hidden, hidden, true);
      own.linear('mlp', 'mlp.fc1', hidden, layer.feedForward.size, true);
      own.linear('mlp', 'mlp.fc2', layer.feedForward.size, hidden, true);
      for (const name of ['layer_norm1', 'layer_norm2']) own.norm(name, hidden, true);
    }
    writer.norm('post_layernorm', hidden, true);
  },
});

const sideOf = (reader: ConfigReader): number =>
  Math.floor((reader.integer('image_size', 1) ?? 0) / (reader.integer('patch_size', 1) ?? 1));

export const glm4vVision = visionFamily({
  id: 'glm4v_vision',
  title: 'GLM-4V vision',
  types: ['glm4v_vision'],
  task: 'base',
  extraTokens: 0,
  record: ['attention_bias', 'spatial_merge_size', 'temporal_patch_size', 'out_hidden_size', 'intermediate_size'],
  gated: () => true,
  // The network of a layer is as wide as the tower's output; intermediate_size is the merger's.
  intermediateSize: (reader) => reader.integer('out_hidden_size', 1),
  choice: (reader) => {
    const merge = reader.integer('spatial_merge_size', 1) ?? 2;
    const side = sideOf(reader);
    return {
      ...rotary,
      norm: 'rms',
      image: {
        channels: reader.integer('num_channels', 1) ?? 3,
        size: reader.integer('image_size', 1) ?? 0,
        patch: reader.integer('patch_size', 1) ?? 0,
        tokens: side * side,
        outputTokens: Math.floor((side * side) / merge ** 2),
      },
    };
  },
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    const output = amount(part, 'out_hidden_size') ?? 0;
    const inner = amount(part, 'intermediate_size') ?? 0;
    const merge = amount(part, 'spatial_merge_size') ?? 2;
    const { patch = 0, channels = 3, tokens = 0 } = part.image ?? { channels: 3 };
    const frames = amount(part, 'temporal_patch_size') ?? 2;
    writer.add('embedding', 'patch_embed.proj.weight', [hidden, channels, frames, patch, patch]);
    writer.add('embedding', 'patch_embed.proj.bias', [hidden]);
    writer.add('embedding', 'embeddings.position_embedding.weight', [tokens, hidden]);
    writer.norm('post_conv_layernorm', hidden, false);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'blocks.{layer}.');
      own.linear('attention', 'attn.qkv', hidden, 3 * hidden, flag(part, 'attention_bias'));
      own.linear('attention', 'attn.proj', hidden, hidden, false);
      for (const name of ['gate_proj', 'up_proj'])
        own.linear('mlp', `mlp.${name}`, hidden, layer.feedForward.size, false);
      own.linear('mlp', 'mlp.down_proj', layer.feedForward.size, hidden, false);
      for (const name of ['norm1', 'norm2']) own.norm(name, hidden, false);
    }
    writer.norm('post_layernorm', hidden, false);
    writer.add('projector', 'downsample.weight', [output, hidden, merge, merge]);
    writer.add('projector', 'downsample.bias', [output]);
    writer.linear('projector', 'merger.proj', output, output, false);
    writer.as('projector').norm('merger.post_projection_norm', output, true);
    for (const name of ['gate_proj', 'up_proj']) writer.linear('projector', `merger.${name}`, output, inner, false);
    writer.linear('projector', 'merger.down_proj', inner, output, false);
  },
});

/** Cross-attention of a text model to what a tower gives. */
export const crossOf = (text: ModelPart, sourcePositions: number | undefined): Attention => ({
  kind: 'full',
  causal: false,
  heads: text.heads,
  kvHeads: text.kvHeads,
  headDim: text.headDim,
  valueDim: text.valueDim,
  ...(sourcePositions === undefined ? {} : { sourcePositions }),
});
