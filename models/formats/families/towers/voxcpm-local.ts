import { readTransformer } from '../../config/transformer';
import type { StackFamily } from '../shared/family';

/** The encoder and the diffusion transformer of one patch of sound, which see all of it; their sizes have names of their own. */
export const voxCpmLocal: StackFamily = {
  kind: 'stack',
  id: 'voxcpm_local',
  title: 'VoxCPM patch',
  modelTypes: ['voxcpm_local'],
  role: 'audio',
  tied: false,
  task: 'base',
  read: (reader) =>
    readTransformer(reader, {
      family: 'voxcpm_local',
      role: 'audio',
      causal: false,
      gated: true,
      norm: 'rms',
      positions: 'rope',
      hiddenSize: reader.integer('hidden_dim', 1) ?? 0,
      intermediateSize: reader.integer('ffn_dim', 1) ?? 0,
    }),
};
