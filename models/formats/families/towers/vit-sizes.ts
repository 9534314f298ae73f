/** Towers that took ViT's layer for films, sounds and maps of depth. Their sizes are described; not all of their tensors are written down. */
import type { ConfigReader } from '../../config/config-reader';
import type { StackFamily } from '../shared/family';
import { readTransformer } from '../../config/transformer';
import type { ImageSizes } from './vision';
import { readImage, visionFamily } from './vision';

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
  architectures: RegExp,
  image: (reader: ConfigReader) => ImageSizes,
): StackFamily =>
  visionFamily({
    id,
    title,
    types: [id],
    architectures,
    task: 'base',
    extraTokens: 0,
    image,
    record: ['qkv_bias'],
  });

const vitMsn = sized('vit_msn', 'ViT MSN', /^ViTMSN/, (reader) => readImage(reader, 1));
const iJepa = sized('ijepa', 'I-JEPA', /^IJepa/, (reader) => readImage(reader, 0));
const videoMae = sized('videomae', 'VideoMAE', /^VideoMAE/, (reader) =>
  film(reader, reader.integer('tubelet_size', 1) ?? 2, 0),
);
/** Attention over frames and attention over the patches of a frame, in turn within a layer. */
const timeSformer = sized('timesformer', 'TimeSformer', /^Timesformer/, (reader) => film(reader, 1, 1));
/** Patches of several layers become a map of depth; of the hybrid form only the layers are described. */
const dpt = sized('dpt', 'DPT', /^DPTFor/, (reader) => readImage(reader, 1));

/** A spectrogram as a picture: patches overlap where a stride is less than a side. */
const spectrogramTransformer: StackFamily = {
  kind: 'stack',
  id: 'audio-spectrogram-transformer',
  title: 'Audio Spectrogram Transformer',
  modelTypes: ['audio-spectrogram-transformer'],
  architectures: /^AST(Model|For)/,
  role: 'audio',
  tied: false,
  task: 'base',
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

export const vitSized = [vitMsn, iJepa, videoMae, timeSformer, dpt, spectrogramTransformer];
