/** Audio towers that are published as parts of audio-language models: Whisper's encoder, or much of it. */
import { readTransformer } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { writeStack } from '../encoders/encoder-decoder';
import { writeConvolutions, writeWhisperEncoder } from '../encoders/whisper';
import type { StackFamily } from '../shared/family';
import { amount } from '../shared/family';

interface AudioRow {
  readonly id: string;
  readonly title: string;
  readonly types: readonly string[];
  readonly record?: readonly string[];
  /** Absent: the layout is not known in full. */
  readonly tensors?: (part: ModelPart, writer: TensorWriter) => void;
}

const audioFamily = ({ id, title, types, record = [], tensors }: AudioRow): StackFamily => ({
  kind: 'stack',
  id,
  title,
  modelTypes: types,
  role: 'audio',
  tied: false,
  task: 'base',
  read: (reader) => {
    // Files repeat some sizes under the general names; the encoder's own are read where they are there.
    const layers = reader.has('encoder_layers') ? reader.integer('encoder_layers', 1) : undefined;
    const contextLength = reader.integer('max_source_positions', 1);
    return readTransformer(reader, {
      family: id,
      role: 'audio',
      gated: false,
      norm: 'layer',
      positions: 'learned',
      record: ['num_mel_bins', ...record],
      ...(layers === undefined ? {} : { layers }),
      ...(contextLength === undefined ? {} : { contextLength }),
    });
  },
  ...(tensors === undefined ? {} : { tensors }),
});

export const whisperTower = audioFamily({
  id: 'whisper_encoder',
  title: 'Whisper encoder',
  types: ['qwen2_audio_encoder', 'voxtral_encoder', 'higgs_audio_encoder', 'ultravox_encoder'],
  tensors: writeWhisperEncoder,
});

/** Positions are computed, not learned, and a layer brings the output to the width of the text. */
export const qwenOmniAudio = audioFamily({
  id: 'qwen2_5_omni_audio',
  title: 'Qwen2.5-Omni audio',
  types: ['qwen2_5_omni_audio_encoder'],
  record: ['output_dim', 'n_window'],
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    writeConvolutions(part, writer);
    writer.add('embedding', 'audio_bos_eos_token.weight', [2, amount(part, 'output_dim') ?? 0]);
    writeStack(part, writer, { key: false });
    writer.norm('ln_post', hidden, true);
    writer.linear('projector', 'proj', hidden, amount(part, 'output_dim') ?? 0, true);
  },
});

/** Three convolutions over the spectrogram as a picture; its class is younger than the other defaults. */
export const qwen3AsrAudio = audioFamily({
  id: 'qwen3_asr_audio',
  title: 'Qwen3-ASR audio',
  types: ['qwen3_asr_audio_encoder', 'qwen3_omni_moe_audio_encoder'],
  record: ['output_dim', 'n_window', 'downsample_hidden_size'],
});
