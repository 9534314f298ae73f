/** Whisper: convolutions over a spectrogram, an encoder, and a decoder of text. */
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { isDecoderAlone, partNamed, readFlat, writeStack } from './encoder-decoder';
import type { CompositeFamily, CompositeReading } from '../shared/family';
import { amount, firstArchitecture, flag } from '../shared/family';

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

export const whisper: CompositeFamily = {
  kind: 'composite',
  id: 'whisper',
  title: 'Whisper',
  modelTypes: ['whisper'],
  architectures: /^Whisper/,
  tied: true,
  task: 'sequence-to-sequence',
  read: (reader): CompositeReading => {
    const parts = readFlat(reader, {
      family: 'whisper',
      positions: 'learned',
      encoderLength: 'max_source_positions',
      decoderLength: 'max_target_positions',
      encoderRole: 'audio',
      record: ['num_mel_bins', 'scale_embedding', 'classifier_proj_size', 'use_weighted_layer_sum'],
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
