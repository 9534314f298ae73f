/** Tiny vision-language checkpoints in one fresh folder, with their processors and tokenizers, opened for the length of a suite. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import type { Parameters } from '../reference/vectors';
import { writeTinyModel } from './tiny-models';
import { tinyPixels, writePng, writeProcessor, type TinyVlm } from './tiny-vision';
import { writeVisionTokenizer } from './tokenizers';

export class TinyVlms {
  readonly folder = mkdtempSync(join(tmpdir(), 'headscope-vlm-'));
  private readonly opened: LoadedModel[] = [];

  async open(tiny: TinyVlm, limitBytes = 1e9): Promise<{ model: LoadedModel; parameters: Parameters }> {
    const at = join(this.folder, `${tiny.name}-${limitBytes}`.replaceAll(/[^\w-]/g, '_'));
    const parameters = writeTinyModel(at, tiny);
    writeProcessor(at, tiny);
    writeVisionTokenizer(at);
    return { model: await this.openFolder(at, limitBytes), parameters };
  }

  /** A folder that a test has changed, opened again. */
  async openFolder(folder: string, limitBytes = 1e9): Promise<LoadedModel> {
    const model = await openModel(folder, { device: 'cpu', threads: 1, limitBytes });
    this.opened.push(model);
    return model;
  }

  /** Path of a picture of this size. */
  picture(width: number, height: number): string {
    return writePng(join(this.folder, `${width}x${height}.png`), tinyPixels(width, height));
  }

  async close(): Promise<void> {
    for (const model of this.opened) {
      await model.sessions.release();
      await model.vision?.sessions.release();
    }
    rmSync(this.folder, { recursive: true });
  }
}
