/** The models that are open: the last used stays warm, another one takes its place. */
import { openModel, type LoadedModel, type OpenOptions } from './loaded-model';

export class ModelStore {
  private kept: { readonly path: string; readonly model: LoadedModel } | undefined;

  constructor(private readonly options: OpenOptions) {}

  async open(path: string): Promise<LoadedModel> {
    if (this.kept?.path === path && (await this.kept.model.changed()) === undefined) return this.kept.model;
    await this.close();
    const model = await openModel(path, this.options);
    this.kept = { path, model };
    return model;
  }

  async close(): Promise<void> {
    const old = this.kept;
    this.kept = undefined;
    if (old?.model.tokeniser.ok) old.model.tokeniser.tokeniser.close();
    await old?.model.sessions.release();
  }
}
