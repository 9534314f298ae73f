/** Towers that took ViT's layer for films, sounds and maps of depth. Their sizes are described; not all of their tensors are written down. */
import type { ConfigReader, JsonObject } from '../../config/config-reader';
import { encoderFamily } from '../shared/encoder-family';
import type { StackFamily } from '../shared/family';
import { readTransformer } from '../../config/transformer';
import { transformers } from '../shared/family-row';
import type { ImageSizes } from './vision';
import { readImage, visionFamily, vitValues } from './vision';

/** Positions of a film: patches of a frame, for every group of frames that become one. */
function film(reader: ConfigReader, tube: number, extra: number): ImageSizes {
  const image = readImage(reader, 0);
  const groups = Math.floor((reader.integer('num_frames', 1) ?? 0) / Math.max(1, tube));
  if (image.tokens === undefined) return image;
  const patches = image.tokens * groups;
  return { ...image, tokens: patches + extra, outputTokens: patches };
}

const sized = (
  id: string,
  title: string,
  className: string,
  architectures: RegExp,
  values: JsonObject,
  image: (reader: ConfigReader) => ImageSizes,
): StackFamily =>
  visionFamily({
    id,
    title,
    types: { [id]: [className, { ...vitValues, ...values }] },
    architectures,
    task: 'base',
    extraTokens: 0,
    image,
    record: ['qkv_bias'],
  });

export const vitMsn = sized('vit_msn', 'ViT MSN', 'ViTMSNConfig', /^ViTMSN/, { layer_norm_eps: 1e-6 }, (reader) =>
  readImage(reader, 1),
);
export const iJepa = sized('ijepa', 'I-JEPA', 'IJepaConfig', /^IJepa/, {}, (reader) => readImage(reader, 0));
export const videoMae = sized(
  'videomae',
  'VideoMAE',
  'VideoMAEConfig',
  /^VideoMAE/,
  { num_frames: 16, tubelet_size: 2 },
  (reader) => film(reader, reader.integer('tubelet_size', 1) ?? 2, 0),
);
/** Attention over frames and attention over the patches of a frame, in turn within a layer. */
export const timeSformer = sized(
  'timesformer',
  'TimeSformer',
  'TimesformerConfig',
  /^Timesformer/,
  { num_frames: 8, layer_norm_eps: 1e-6 },
  (reader) => film(reader, 1, 1),
);
/** Patches of several layers become a map of depth; of the hybrid form only the layers are described. */
export const dpt = sized('dpt', 'DPT', 'DPTConfig', /^DPTFor/, { image_size: 384 }, (reader) => readImage(reader, 1));

/** A spectrogram as a picture: patches overlap where a stride is less than a side. */
export const spectrogramTransformer: StackFamily = {
  kind: 'stack',
  id: 'audio-spectrogram-transformer',
  title: 'Audio Spectrogram Transformer',
  modelTypes: ['audio-spectrogram-transformer'],
  architectures: /^AST(Model|For)/,
  role: 'audio',
  tied: false,
  task: 'base',
  defaults: () => ({
    from: `${transformers} ASTConfig`,
    values: {
      hidden_size: 768,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      intermediate_size: 3072,
      hidden_act: 'gelu',
      layer_norm_eps: 1e-12,
      patch_size: 16,
      qkv_bias: true,
      frequency_stride: 10,
      time_stride: 10,
      max_length: 1024,
      num_mel_bins: 128,
    },
  }),
  read: (reader) => {
    const patch = reader.integer('patch_size', 1) ?? 16;
    const along = (length: string, stride: string): number =>
      Math.max(
        0,
        Math.floor(((reader.integer(length, 1) ?? 0) - patch) / Math.max(1, reader.integer(stride, 1) ?? 1)) + 1,
      );
    // A class token and one for distillation stand in front.
    const contextLength = along('num_mel_bins', 'frequency_stride') * along('max_length', 'time_stride') + 2;
    return readTransformer(reader, {
      family: 'audio-spectrogram-transformer',
      role: 'audio',
      causal: false,
      gated: false,
      norm: 'layer',
      positions: 'learned',
      contextLength,
      record: ['qkv_bias'],
    });
  },
};

/** Proteins as texts of amino acids. Older files hold a table of positions that the rotated form does not read. */
export const esm = encoderFamily({
  id: 'esm',
  title: 'ESM-2',
  types: {
    esm: [
      'EsmConfig',
      {
        hidden_size: 768,
        num_hidden_layers: 12,
        num_attention_heads: 12,
        intermediate_size: 3072,
        max_position_embeddings: 1026,
        layer_norm_eps: 1e-12,
        position_embedding_type: 'absolute',
        tie_word_embeddings: true,
      },
    ],
  },
  architectures: /^Esm(Model|For)/,
  choice: (reader) => (reader.raw('position_embedding_type') === 'rotary' ? { positions: 'rope', norm: 'layer' } : {}),
});

export const vitSized = [vitMsn, iJepa, videoMae, timeSformer, dpt, spectrogramTransformer, esm];
