/** Whisper: convolutions over a spectrogram, an encoder, and a decoder of text. */
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { isDecoderAlone, partNamed, readFlat, writeStack } from './encoder-decoder';
import type { CompositeFamily, CompositeReading } from '../shared/family';
import { bartEncoderKeys, bartKeys, bartStack } from '../shared/bart-layout';
import { amount, firstArchitecture, flag } from '../shared/family';
import { recordedKeys } from '../shared/family-row';
import { honoured, idle, type RunKeys } from '../shared/run-keys';

/** Two convolutions, the second of which halves the length, in front of the layers. */
export function writeWhisperEncoder(encoder: ModelPart, writer: TensorWriter): void {
  const hidden = encoder.hiddenSize;
  writeConvolutions(encoder, writer);
  writer.add('embedding', 'embed_positions.weight', [encoder.contextLength ?? 0, hidden]);
  writeStack(encoder, writer, { key: false });
  writer.norm('layer_norm', hidden, true);
}

export function writeConvolutions(encoder: ModelPart, writer: TensorWriter): void {
  const hidden = encoder.hiddenSize;
  writer.add('embedding', 'conv1.weight', [hidden, amount(encoder, 'num_mel_bins') ?? 80, 3]);
  writer.add('embedding', 'conv1.bias', [hidden]);
  writer.add('embedding', 'conv2.weight', [hidden, hidden, 3]);
  writer.add('embedding', 'conv2.bias', [hidden]);
}

const classifies = (className: string | undefined): boolean => className === 'WhisperForAudioClassification';

/** The encoder alone, and classes of the average of its positions. */
function writeSoundClasses(encoder: ModelPart, writer: TensorWriter, labels: number): void {
  const width = amount(encoder, 'classifier_proj_size') ?? 0;
  writeWhisperEncoder(encoder, writer.under('encoder.'));
  writer.linear('head', 'projector', encoder.hiddenSize, width, true);
  writer.linear('head', 'classifier', width, labels, true);
  if (flag(encoder, 'use_weighted_layer_sum')) writer.add('head', 'layer_weights', [encoder.layers.length + 1]);
}

const whisperKeys: RunKeys = {
  ...bartKeys,
  ...bartEncoderKeys,
  ...honoured('max_target_positions'),
  ...idle('of the encoder', 'max_source_positions', 'num_mel_bins', 'input_channels'),
  ...idle('of classifiers of sound', 'classifier_proj_size', 'use_weighted_layer_sum'),
  ...idle('masks sound in training alone', 'apply_spec_augment', 'mask_feature_length', 'mask_feature_min_masks'),
  ...idle('masks sound in training alone', 'mask_feature_prob', 'mask_time_length', 'mask_time_min_masks'),
  ...idle('masks sound in training alone', 'mask_time_prob'),
  ...idle('finds when a word was said, behind the model', 'median_filter_width'),
  ...idle('tokens that are not written', 'begin_suppress_tokens', 'suppress_tokens', 'forced_decoder_ids'),
  ...idle('the class reads max_target_positions', 'max_position_embeddings', 'max_length'),
  ...idle('the class has as many key/value heads as heads', 'num_key_value_heads'),
};

export const whisper: CompositeFamily = {
  kind: 'composite',
  id: 'whisper',
  title: 'Whisper',
  modelTypes: ['whisper'],
  architectures: /^Whisper/,
  tied: true,
  task: 'sequence-to-sequence',
  run: whisperKeys,
  decoder: bartStack('model.decoder.', { offset: 0, finalNorm: 'layer_norm', head: 'proj_out' }),
  read: (reader): CompositeReading => {
    const parts = readFlat(reader, {
      family: 'whisper',
      positions: 'learned',
      encoderLength: 'max_source_positions',
      decoderLength: 'max_target_positions',
      encoderRole: 'audio',
      record: [...recordedKeys({ run: whisperKeys }), 'num_mel_bins', 'classifier_proj_size', 'use_weighted_layer_sum'],
    });
    if (isDecoderAlone(reader)) return { parts: parts.slice(0, 1), exact: true };
    return { parts: classifies(firstArchitecture(reader)) ? parts.slice(1) : parts, exact: true };
  },
  tensors: (model, table) => {
    const decoder = partNamed(model, 'decoder');
    const encoder = partNamed(model, 'encoder');
    if (encoder !== undefined && classifies(model.architectures[0])) {
      writeSoundClasses(encoder, table.writer(encoder), model.task.labels);
      return;
    }
    if (encoder !== undefined) writeWhisperEncoder(encoder, table.writer(encoder).under('model.encoder.'));
    if (decoder === undefined) return;
    const text = table.writer(decoder).under('model.decoder.');
    text.add('embedding', 'embed_tokens.weight', [decoder.vocabularySize ?? 0, decoder.hiddenSize]);
    text.add('embedding', 'embed_positions.weight', [decoder.contextLength ?? 0, decoder.hiddenSize]);
    writeStack(decoder, text, { key: false });
    text.norm('layer_norm', decoder.hiddenSize, true);
    if (!model.tiedEmbeddings.value) {
      table.writer(decoder).add('head', 'proj_out.weight', [decoder.vocabularySize ?? 0, decoder.hiddenSize]);
    }
  },
};
