/** Transformers of diffusers whose sizes are described, and whose tensors are not written down here. */
import { diffusionFamily, joint, single } from './transformers';

/** Films: blocks of two streams, then of one row. */
const hunyuanVideo = diffusionFamily({
  className: 'HunyuanVideoTransformer3DModel',
  title: 'HunyuanVideo',
  record: ['patch_size_t'],
  positions: 'rope',
  blocks: (reader) => [
    [reader.integer('num_layers') ?? 0, joint],
    [reader.integer('num_single_layers') ?? 0, single],
  ],
  networkSize: (reader, width) => Math.trunc(width * (reader.positive('mlp_ratio') ?? 4)),
});

/** FLUX.1 with one small network that steers all blocks. */
const chroma = diffusionFamily({
  className: 'ChromaTransformer2DModel',
  title: 'Chroma',
  record: ['joint_attention_dim'],
  positions: 'rope',
  blocks: (reader) => [
    [reader.integer('num_layers') ?? 0, joint],
    [reader.integer('num_single_layers') ?? 0, single],
  ],
});

const pixArt = diffusionFamily({
  className: 'PixArtTransformer2DModel',
  title: 'PixArt',
  record: ['cross_attention_dim', 'sample_size'],
  positions: 'sinusoidal',
  blocks: (reader) => [[reader.integer('num_layers') ?? 0, undefined]],
  crosses: true,
});

const ltxVideo = diffusionFamily({
  className: 'LTXVideoTransformer3DModel',
  title: 'LTX-Video',
  record: ['cross_attention_dim', 'patch_size_t'],
  positions: 'rope',
  blocks: (reader) => [[reader.integer('num_layers') ?? 0, undefined]],
  crosses: true,
});

export const diffusionSized = [hunyuanVideo, chroma, pixArt, ltxVideo];
