/** The models that are open: the last used stays warm, another one takes its place. */
import type { LayerSessions } from '../run/layer-sessions';
import { openModel, type LoadedModel, type OpenOptions } from './loaded-model';
import type { ModelDevice, WeightOptions } from './model-device';
import type { WeightChoice } from '../../../protocol/results/weights';

export class ModelStore {
  private kept: { readonly path: string; readonly weights: WeightChoice; readonly model: LoadedModel } | undefined;

  constructor(private readonly options: Pick<OpenOptions, 'limitBytes' | 'cache' | 'say'>) {}

  async open(path: string, options: ModelDevice & Pick<WeightOptions, 'weights' | 'whyWeights'>): Promise<LoadedModel> {
    const { weights = 'as-stored' } = options;
    const same = this.kept?.path === path && this.kept.weights === weights;
    if (this.kept && same && (await this.kept.model.changed()) === undefined) return this.kept.model;
    await this.close();
    const model = await openModel(path, { ...this.options, ...options });
    this.kept = { path, weights, model };
    return model;
  }

  async close(): Promise<void> {
    const old = this.kept;
    this.kept = undefined;
    if (old?.model.tokeniser.ok) old.model.tokeniser.tokeniser.close();
    for (const sessions of old ? sessionsOf(old.model) : []) await sessions.release();
  }
}

/** Of all its parts. */
function sessionsOf({ sessions, vision, reference, encoder }: LoadedModel): ReadonlySet<LayerSessions> {
  const all = [sessions, vision?.sessions, reference, encoder?.reference];
  return new Set(all.filter((each) => each !== undefined));
}
