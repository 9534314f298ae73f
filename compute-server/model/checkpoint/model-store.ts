/**
 * The model that is open: the last used stays warm, and another one, or the same on another device, takes its place. One at a
 * time, as the memory limit is that of one model: two panels on two devices take turns, and each turn opens the weights anew.
 */
import type { LayerSessions } from '../run/graphs/layer-sessions';
import { openModel, type LoadedModel, type OpenOptions } from './loaded-model';
import type { ModelDevice, WeightOptions } from './model-device';
import type { WeightChoice } from '../../../protocol/inputs/weights';
import type { DeviceId } from '../../runtime/session';

/** What is open, and how. */
interface Kept {
  readonly path: string;
  readonly device: DeviceId;
  readonly weights: WeightChoice;
  readonly model: LoadedModel;
}

export class ModelStore {
  private kept: Kept | undefined;

  constructor(private readonly options: Pick<OpenOptions, 'limitBytes' | 'memoryLimit' | 'cache' | 'say'>) {}

  async open(path: string, options: ModelDevice & Pick<WeightOptions, 'weights' | 'whyWeights'>): Promise<LoadedModel> {
    const { kept } = this;
    const { device, weights = 'as-stored' } = options;
    const same = kept?.path === path && kept.device === device && kept.weights === weights;
    if (same && (await kept.model.changed()) === undefined) return kept.model;
    await this.close();
    const model = await openModel(path, { ...this.options, ...options });
    this.kept = { path, device, weights, model };
    return model;
  }

  /** The device and the weights with which the model of the path is open now. */
  openedAs(path: string): Pick<Kept, 'device' | 'weights'> | undefined {
    return this.kept?.path === path ? this.kept : undefined;
  }

  async close(): Promise<void> {
    const old = this.kept;
    this.kept = undefined;
    if (old) await closeModel(old.model);
  }
}

export async function closeModel(model: LoadedModel): Promise<void> {
  if (model.tokeniser.ok) model.tokeniser.tokeniser.close();
  for (const sessions of sessionsOf(model)) await sessions.release();
}

/** The sessions of all parts of a model. */
function sessionsOf({ sessions, vision, reference, encoder }: LoadedModel): ReadonlySet<LayerSessions> {
  const all = [sessions, vision?.sessions, reference, encoder?.reference];
  return new Set(all.filter((each) => each !== undefined));
}
