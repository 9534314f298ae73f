/** By which graphs a text goes on, and so how its cache is held under a plan. */
import type { VariantPlan } from '../../../diagnostics/model-runner/variant';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import type { Variant } from '../run/changes/interventions';
import { layerPlanOf } from '../run/cache/layer-plan';
import type { LayerSessions } from '../run/graphs/layer-sessions';
import { servedBySteps } from '../run/stream/step-feeds';

/** Heads hold what the plan keeps; or everything is held, and masked. Absent: nothing is dropped. */
export type Following = 'caches' | 'masks';

interface Decoding {
  readonly variant?: Variant;
  readonly blocksAlone?: boolean;
}

/** On the cpu alone: other devices decode by the graphs of the blocks. */
export const mayStep = (
  model: ModelSpec,
  { placement }: LayerSessions,
  { blocksAlone, variant = {} }: Decoding,
  start: number,
): boolean => !blocksAlone && placement.device === 'cpu' && servedBySteps(model, variant, start);

export function followingOf(
  model: ModelSpec,
  sessions: LayerSessions,
  decoding: Decoding,
  start: number,
): Following | undefined {
  if (!model.blocks.some((block) => layerPlanOf(decoding.variant?.plan, block))) return undefined;
  return mayStep(model, sessions, decoding, start) ? 'caches' : 'masks';
}

/** The plan that the caches of a text will hold to. */
export const keptPlanOf = (
  model: ModelSpec,
  sessions: LayerSessions,
  decoding: Decoding,
  start: number,
): VariantPlan | undefined =>
  followingOf(model, sessions, decoding, start) === 'caches' ? decoding.variant?.plan : undefined;
