import type { Provenance } from '../../../protocol/schema/parts';
import { provenance } from '../../provenance';
import type { LoadedModel } from './loaded-model';

/** What made a result of a model: its device names the parts that ran on the cpu instead, as they are known after the run. */
export async function modelProvenance(
  model: LoadedModel,
  settings: Provenance['settings'] = {},
  seed = 0,
): Promise<Provenance> {
  return { ...(await provenance(settings, seed)), device: await model.device(), weights: model.weightsHeld };
}
