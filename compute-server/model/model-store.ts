/** The models that are open: the last used stays warm, another one takes its place. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openModel, type LoadedModel, type OpenOptions } from './loaded-model';

interface Kept {
  readonly model: LoadedModel;
  /** Changes when the config or the weights on disk do. */
  readonly stamp: string;
}

export class ModelStore {
  private kept: Kept | undefined;

  constructor(private readonly options: OpenOptions) {}

  async open(folder: string): Promise<LoadedModel> {
    const stamp = await stampOf(folder);
    if (this.kept && this.kept.stamp === stamp) return this.kept.model;
    await this.close();
    const model = await openModel(folder, this.options);
    this.kept = { model, stamp };
    return model;
  }

  async close(): Promise<void> {
    const old = this.kept;
    this.kept = undefined;
    await old?.model.sessions.release();
  }
}

async function stampOf(folder: string): Promise<string> {
  const parts = await Promise.all(
    ['', 'config.json', 'model.safetensors', 'model.safetensors.index.json', 'tokenizer.json'].map(async (name) => {
      try {
        const { mtimeMs, size, ino } = await stat(join(folder, name));
        return name === '' ? `${ino}` : `${mtimeMs}.${size}`;
      } catch {
        return '-';
      }
    }),
  );
  return `${folder} ${parts.join(' ')}`;
}
