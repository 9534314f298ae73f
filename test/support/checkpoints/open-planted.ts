/** A checkpoint of a test's own making, written to a fresh folder and opened. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import type { Checkpoint } from './planted-circuit';
import { writeSafetensors } from '../safetensors-file';
import { writeConfig } from './tiny-models';

export interface OpenPlanted {
  readonly model: LoadedModel;
  close(): Promise<void>;
}

export async function openPlanted({ config, tensors }: Checkpoint): Promise<OpenPlanted> {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-planted-'));
  writeConfig(folder, config);
  writeSafetensors(join(folder, 'model.safetensors'), tensors);
  const model = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
  return {
    model,
    async close() {
      await model.sessions.release();
      rmSync(folder, { recursive: true });
    },
  };
}
