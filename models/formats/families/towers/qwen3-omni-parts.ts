/** Stacks that are published as parts of Qwen3-Omni. */
import { readTransformer } from '../../config/transformer';
import type { StackFamily } from '../shared/family';

/** From codes to sound: layers with a short window, in front of convolutions. */
export const qwen3OmniCode2Wav: StackFamily = {
  kind: 'stack',
  id: 'qwen3_omni_moe_code2wav',
  title: 'Qwen3-Omni code2wav',
  modelTypes: ['qwen3_omni_moe_code2wav'],
  role: 'audio',
  tied: false,
  task: 'base',
  read: (reader) =>
    readTransformer(reader, {
      family: 'qwen3_omni_moe_code2wav',
      role: 'audio',
      causal: true,
      gated: true,
      norm: 'rms',
      positions: 'rope',
      record: ['codebook_size', 'num_quantizers'],
    }),
};
