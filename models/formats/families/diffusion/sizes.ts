/** Transformers of diffusers whose sizes are described, and whose tensors are not written down here. */
import { diffusionFamily, joint, single } from './transformers';

/** Films: blocks of two streams, then of one row. */
export const hunyuanVideo = diffusionFamily({
  className: 'HunyuanVideoTransformer3DModel',
  title: 'HunyuanVideo',
  values: {
    in_channels: 16,
    out_channels: 16,
    num_attention_heads: 24,
    attention_head_dim: 128,
    num_layers: 20,
    num_single_layers: 40,
    mlp_ratio: 4,
    patch_size: 2,
    patch_size_t: 1,
  },
  record: ['patch_size_t'],
  positions: 'rope',
  blocks: (reader) => [
    [reader.integer('num_layers') ?? 0, joint],
    [reader.integer('num_single_layers') ?? 0, single],
  ],
  networkSize: (reader, width) => Math.trunc(width * (reader.positive('mlp_ratio') ?? 4)),
});

/** FLUX.1 with one small network that steers all blocks. */
export const chroma = diffusionFamily({
  className: 'ChromaTransformer2DModel',
  title: 'Chroma',
  values: {
    patch_size: 1,
    in_channels: 64,
    num_layers: 19,
    num_single_layers: 38,
    attention_head_dim: 128,
    num_attention_heads: 24,
    joint_attention_dim: 4096,
  },
  record: ['joint_attention_dim'],
  positions: 'rope',
  blocks: (reader) => [
    [reader.integer('num_layers') ?? 0, joint],
    [reader.integer('num_single_layers') ?? 0, single],
  ],
});

export const pixArt = diffusionFamily({
  className: 'PixArtTransformer2DModel',
  title: 'PixArt',
  values: {
    num_attention_heads: 16,
    attention_head_dim: 72,
    in_channels: 4,
    out_channels: 8,
    num_layers: 28,
    cross_attention_dim: 1152,
    sample_size: 128,
    patch_size: 2,
  },
  record: ['cross_attention_dim', 'sample_size'],
  positions: 'sinusoidal',
  blocks: (reader) => [[reader.integer('num_layers') ?? 0, undefined]],
  crosses: true,
});

export const ltxVideo = diffusionFamily({
  className: 'LTXVideoTransformer3DModel',
  title: 'LTX-Video',
  values: {
    in_channels: 128,
    out_channels: 128,
    patch_size: 1,
    patch_size_t: 1,
    num_attention_heads: 32,
    attention_head_dim: 64,
    cross_attention_dim: 2048,
    num_layers: 28,
  },
  record: ['cross_attention_dim', 'patch_size_t'],
  positions: 'rope',
  blocks: (reader) => [[reader.integer('num_layers') ?? 0, undefined]],
  crosses: true,
});

export const diffusionSized = [hunyuanVideo, chroma, pixArt, ltxVideo];
