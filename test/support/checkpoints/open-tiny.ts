/** A tiny checkpoint written to a fresh folder and opened, for tests that need some model. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import type { WeightChoice } from '../../../protocol/inputs/weights';
import type { Parameters } from '../reference/vectors';
import { tinyModel, writeTinyModel, type TinyModel } from './tiny-models';

export interface OpenTiny {
  readonly model: LoadedModel;
  readonly tiny: TinyModel;
  readonly parameters: Parameters;
  close(): Promise<void>;
}

export async function openTiny(
  which: string | TinyModel,
  limitBytes = 1e9,
  weights: WeightChoice = 'as-stored',
): Promise<OpenTiny> {
  const tiny = typeof which === 'string' ? tinyModel(which) : which;
  const folder = mkdtempSync(join(tmpdir(), 'headscope-tiny-'));
  const parameters = writeTinyModel(folder, tiny);
  const model = await openModel(folder, { device: 'cpu', threads: 1, limitBytes, weights }).catch((error: unknown) => {
    rmSync(folder, { recursive: true });
    throw error;
  });
  return {
    model,
    tiny,
    parameters,
    async close() {
      await model.sessions.release();
      rmSync(folder, { recursive: true });
    },
  };
}

export const promptIds: readonly number[] = Array.from({ length: 20 }, (_, i) => (i * 17 + (i > 10 ? 3 : 0)) % 61);
