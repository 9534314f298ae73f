/**
 * The model that is open: the last used stays warm, and another one, or the same on another device, takes its place. One at a
 * time, as the memory limit is that of one model: two panels on two devices take turns, and each turn opens the weights anew.
 */
import type { LayerSessions } from '../run/graphs/layer-sessions';
import { openModel, type LoadedModel, type OpenOptions } from './loaded-model';
import type { ModelDevice, WeightOptions } from './model-device';
import type { WeightChoice } from '../../../protocol/inputs/weights';

/** What is open, and how. */
interface Kept {
  readonly path: string;
  readonly adapter: string | undefined;
  /** As it was asked for: the id of one, or several. */
  readonly device: string;
  readonly weights: WeightChoice;
  readonly model: LoadedModel;
}

type PlacedOptions = ModelDevice &
  Pick<WeightOptions, 'weights' | 'whyWeights'> &
  Pick<OpenOptions, 'adapter' | 'among'>;

export class ModelStore {
  private kept: Kept | undefined;

  constructor(private readonly options: Pick<OpenOptions, 'limitBytes' | 'memoryLimit' | 'cache' | 'say'>) {}

  async open(path: string, options: PlacedOptions): Promise<LoadedModel> {
    const { kept } = this;
    const { adapter, asked: device = options.device, weights = 'as-stored' } = options;
    const isModel = kept?.path === path && kept.adapter === adapter;
    const same = isModel && kept.device === device && kept.weights === weights;
    if (same && (await kept.model.changed()) === undefined) return kept.model;
    await this.close();
    const model = await openModel(path, { ...this.options, ...options });
    this.kept = { path, adapter, device, weights, model };
    return model;
  }

  /** The device, the weights and the adapter with which the model of the path is open now. */
  openedAs(path: string): Pick<Kept, 'adapter' | 'device' | 'weights'> | undefined {
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
function sessionsOf({ sessions, vision, reference, encoder, source }: LoadedModel): ReadonlySet<LayerSessions> {
  const all = [sessions, vision?.sessions, reference, encoder?.reference, source?.sessions, source?.reference];
  return new Set(all.filter((each) => each !== undefined));
}
