/** Towers of vision-language models whose code comes with the checkpoint. */
import type { ConfigReader } from '../../config/config-reader';
import { readTransformer } from '../../config/transformer';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { StackFamily } from '../shared/family';
import { amount } from '../shared/family';
import { readImage, visionFamily, writePatches } from './vision';

/** The block of timm's ViT. */
export function writeTimmBlock(own: TensorWriter, hidden: number, size: number): void {
  own.linear('attention', 'attn.qkv', hidden, 3 * hidden, true);
  own.linear('attention', 'attn.proj', hidden, hidden, true);
  for (const name of ['norm1', 'norm2']) own.norm(name, hidden, true);
  own.linear('mlp', 'mlp.fc1', hidden, size, true);
  own.linear('mlp', 'mlp.fc2', size, hidden, true);
}

/** SigLIP as timm has it, without its pooling head (MiniCPM-V 2.0, DeepSeek-VL2). */
const timmSiglip = visionFamily({
  id: 'timm_siglip',
  title: 'SigLIP (timm)',
  types: ['timm_siglip'],
  task: 'base',
  extraTokens: 0,
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    writePatches(part, writer, 'patch_embed.proj', true);
    // The table has 27 by 27 patches whatever the size of the picture: they are stretched when they are used.
    writer.add('embedding', 'pos_embed', [1, 27 * 27, hidden]);
    for (const layer of part.layers)
      writeTimmBlock(writer.layer(layer.index, 'blocks.{layer}.'), hidden, layer.feedForward.size);
    writer.norm('norm', hidden, true);
  },
});
const samSide = 64;
const samWindow = 14;

/** Segment Anything's encoder, which DeepSeek-OCR puts in front of its other tower; it makes 16 x 16 positions of 64 x 64 patches. */
const sam: StackFamily = {
  kind: 'stack',
  id: 'sam_vit',
  title: 'SAM encoder',
  modelTypes: ['sam_vit_b'],
  role: 'vision',
  tied: false,
  task: 'base',
  read: (reader) => {
    const global = new Set(reader.numbers('global_attn_indexes'));
    const width = reader.integer('hidden_size', 1) ?? 0;
    return readTransformer(reader, {
      family: 'sam_vit',
      role: 'vision',
      gated: false,
      norm: 'layer',
      positions: 'learned',
      intermediateSize: 4 * width,
      window: samWindow ** 2,
      contextLength: samSide ** 2,
      image: { channels: 3, size: 1024, patch: 16, tokens: samSide ** 2, outputTokens: samSide ** 2 / 16 },
      record: ['downsample_channels'],
      layerKinds: (count) =>
        Array.from({ length: count }, (_, index) =>
          global.has(index)
            ? { kind: 'full' as const }
            : { kind: 'window' as const, note: `windows of ${samWindow} by ${samWindow} patches` },
        ),
    });
  },
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    writePatches(part, writer, 'patch_embed.proj', true);
    writer.add('embedding', 'pos_embed', [1, samSide, samSide, hidden]);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'blocks.{layer}.');
      const side = layer.attention.kind === 'full' ? samSide : samWindow;
      own.linear('attention', 'attn.qkv', hidden, 3 * hidden, true);
      own.linear('attention', 'attn.proj', hidden, hidden, true);
      for (const name of ['rel_pos_h', 'rel_pos_w'])
        own.add('attention', `attn.${name}`, [2 * side - 1, layer.attention.headDim]);
      for (const name of ['norm1', 'norm2']) own.norm(name, hidden, true);
      own.linear('mlp', 'mlp.lin1', hidden, layer.feedForward.size, true);
      own.linear('mlp', 'mlp.lin2', layer.feedForward.size, hidden, true);
    }
    const neck = 256;
    const stages = part.fields['downsample_channels']?.value;
    const [first = 0, second = 0] = Array.isArray(stages) ? stages.map(Number) : [];
    writer.add('projector', 'neck.0.weight', [neck, hidden, 1, 1]);
    writer.as('projector').norm('neck.1', neck, true);
    writer.add('projector', 'neck.2.weight', [neck, neck, 3, 3]);
    writer.as('projector').norm('neck.3', neck, true);
    writer.add('projector', 'net_2.weight', [first, neck, 3, 3]);
    writer.add('projector', 'net_3.weight', [second, first, 3, 3]);
  },
};

const size = (reader: ConfigReader, key: string): number => reader.integer(key, 1) ?? 0;

/** CLIP behind SAM in DeepSeek-OCR: its patches are what SAM gives. */
const deepSeekClip: StackFamily = {
  kind: 'stack',
  id: 'deepseek_clip',
  title: 'CLIP (DeepSeek-OCR)',
  modelTypes: ['deepseek_clip'],
  role: 'vision',
  tied: false,
  task: 'base',
  read: (reader) => {
    const patches = Math.floor(size(reader, 'image_size') / Math.max(1, size(reader, 'patch_size'))) ** 2;
    return readTransformer(reader, {
      family: 'deepseek_clip',
      role: 'vision',
      gated: false,
      norm: 'layer',
      positions: 'learned',
      intermediateSize: 4 * size(reader, 'hidden_size'),
      contextLength: patches + 1,
      image: {
        channels: 3,
        size: size(reader, 'image_size'),
        patch: size(reader, 'patch_size'),
        tokens: patches + 1,
        outputTokens: patches,
      },
    });
  },
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    writer.add('embedding', 'embeddings.class_embedding', [hidden]);
    writePatches(part, writer, 'embeddings.patch_embedding', false);
    writer.add('embedding', 'embeddings.position_embedding.weight', [part.image?.tokens ?? 0, hidden]);
    writer.norm('pre_layrnorm', hidden, true);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'transformer.layers.{layer}.');
      own.linear('attention', 'self_attn.qkv_proj', hidden, 3 * hidden, true);
      own.linear('attention', 'self_attn.out_proj', hidden, hidden, true);
      for (const name of ['layer_norm1', 'layer_norm2']) own.norm(name, hidden, true);
      own.linear('mlp', 'mlp.fc1', hidden, layer.feedForward.size, true);
      own.linear('mlp', 'mlp.fc2', layer.feedForward.size, hidden, true);
    }
  },
};

/**
 * A Qwen2 of half a billion behind SAM in DeepSeek-OCR 2: learned queries behind the patches read them, and what is behind the
 * queries goes on. The file gives the width alone; the rest is Qwen2-0.5B. The published index is a megabyte larger than the tensors
 * that the code makes (2026-11-28), so that the layout counts as unknown.
 */
const queryEncoder: StackFamily = {
  kind: 'stack',
  id: 'deepseek_query_encoder',
  title: 'Qwen2 encoder (DeepSeek-OCR 2)',
  modelTypes: ['deepseek_query_encoder'],
  role: 'vision',
  tied: true,
  task: 'base',
  read: (reader) =>
    readTransformer(reader, {
      family: 'deepseek_query_encoder',
      role: 'vision',
      gated: true,
      norm: 'rms',
      positions: 'rope',
      image: { channels: 3, outputTokens: 256 },
    }),
};

/** EVA-CLIP in the notation of OpenCLIP: the width of a head in place of their number. */
const evaClip: StackFamily = {
  kind: 'stack',
  id: 'eva_clip',
  title: 'EVA-CLIP',
  modelTypes: ['eva_clip'],
  role: 'vision',
  tied: false,
  task: 'base',
  read: (reader) => {
    // embed_dim is of the space that pictures and texts share.
    const width = size(reader, 'width');
    const image = readImage(reader, 1);
    return readTransformer(reader, {
      family: 'eva_clip',
      role: 'vision',
      hiddenSize: width,
      heads: Math.floor(width / Math.max(1, size(reader, 'head_width'))),
      gated: reader.boolean('naiveswiglu') === true,
      norm: 'layer',
      positions: reader.boolean('rope') === true ? 'rope' : 'learned',
      intermediateSize: Math.trunc(width * (reader.number('mlp_ratio') ?? 4)),
      image,
      ...(image.tokens === undefined ? {} : { contextLength: image.tokens }),
    });
  },
};

/** The tower of Qwen-VL, in the notation of OpenCLIP; 256 learned queries read what it gives. */
const qwenVlVision: StackFamily = {
  kind: 'stack',
  id: 'qwen_vl_vision',
  title: 'Qwen-VL vision',
  modelTypes: ['qwen_vl_vision'],
  role: 'vision',
  tied: false,
  task: 'base',
  read: (reader) => {
    const width = size(reader, 'width');
    const image = { ...readImage(reader, 0), outputTokens: qwenVlQueries };
    return readTransformer(reader, {
      family: 'qwen_vl_vision',
      role: 'vision',
      hiddenSize: width,
      gated: false,
      norm: 'layer',
      positions: 'learned',
      intermediateSize: Math.trunc(width * (reader.number('mlp_ratio') ?? 4)),
      image,
      record: ['output_dim'],
      ...(image.tokens === undefined ? {} : { contextLength: image.tokens }),
    });
  },
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    const output = amount(part, 'output_dim') ?? 0;
    writePatches(part, writer, 'conv1', false);
    // Positions of 224 pixels, stretched to the size of the picture.
    writer.add('embedding', 'positional_embedding', [256, hidden]);
    for (const name of ['ln_pre', 'ln_post']) writer.norm(name, name === 'ln_pre' ? hidden : output, true);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'transformer.resblocks.{layer}.');
      own.linear('attention', 'attn.in_proj', hidden, 3 * hidden, true);
      own.linear('attention', 'attn.out_proj', hidden, hidden, true);
      for (const name of ['ln_1', 'ln_2']) own.norm(name, hidden, true);
      own.linear('mlp', 'mlp.c_fc', hidden, layer.feedForward.size, true);
      own.linear('mlp', 'mlp.c_proj', layer.feedForward.size, hidden, true);
    }
    writeResampler(writer.under('attn_pool.'), { queries: qwenVlQueries, read: hidden, output, table: qwenVlQueries });
    writer.add('projector', 'proj', [output, output]);
  },
};
const qwenVlQueries = 256;

interface Resampler {
  readonly queries: number;
  /** Width of what is read, and of what is given. */
  readonly read: number;
  readonly output: number;
  /** Rows of a stored table of positions; absent: the positions are computed. */
  readonly table?: number;
}

/** Learned queries that read the patches once (Qwen-VL, MiniCPM-V). */
export function writeResampler(writer: TensorWriter, { queries, read, output, table }: Resampler): void {
  const own = writer.as('projector');
  own.add('projector', 'query', [queries, output]);
  if (table !== undefined) own.add('projector', 'pos_embed', [table, output]);
  own.linear('projector', 'kv_proj', read, output, false);
  own.add('projector', 'attn.in_proj_weight', [3 * output, output]);
  own.add('projector', 'attn.in_proj_bias', [3 * output]);
  own.linear('projector', 'attn.out_proj', output, output, true);
  for (const name of ['ln_q', 'ln_kv']) own.norm(name, output, true);
}

/** CLIP as Molmo has it: positions of 336 pixels, and no norm behind its layers. */
const molmoVision = visionFamily({
  id: 'molmo_vision',
  title: 'Molmo vision',
  types: ['molmo_vision'],
  task: 'base',
  extraTokens: 1,
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    const { patch = 0, channels = 3, tokens = 0 } = part.image ?? { channels: 3 };
    writer.add('embedding', 'class_embedding', [hidden]);
    writer.add('embedding', 'positional_embedding', [tokens, hidden]);
    writer.linear('embedding', 'patch_embedding', channels * patch * patch, hidden, false);
    writer.norm('pre_ln', hidden, true);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'transformer.resblocks.{layer}.');
      for (const name of ['wq', 'wk', 'wv', 'wo']) own.linear('attention', `attention.${name}`, hidden, hidden, true);
      own.linear('mlp', 'feed_forward.w1', hidden, layer.feedForward.size, true);
      own.linear('mlp', 'feed_forward.w2', layer.feedForward.size, hidden, true);
      for (const name of ['attention_norm', 'ffn_norm']) own.norm(name, hidden, true);
    }
  },
});

/** The conformer of Phi-4 Multimodal, in the notation of its own code. */
const phi4Audio: StackFamily = {
  kind: 'stack',
  id: 'phi4mm_audio',
  title: 'Phi-4 Multimodal audio',
  modelTypes: ['phi4mm_audio'],
  role: 'audio',
  tied: false,
  task: 'base',
  read: (reader) =>
    readTransformer(reader, {
      family: 'phi4mm_audio',
      role: 'audio',
      hiddenSize: size(reader, 'attention_dim'),
      layers: size(reader, 'num_blocks'),
      intermediateSize: size(reader, 'linear_units'),
      gated: true,
      norm: 'layer',
      positions: 'relative',
    }),
};

export const remoteTowers: readonly StackFamily[] = [
  timmSiglip,
  sam,
  deepSeekClip,
  queryEncoder,
  evaClip,
  qwenVlVision,
  molmoVision,
  phi4Audio,
];
