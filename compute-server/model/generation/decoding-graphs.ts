/** By which graphs a text goes on, and so how its cache is held under a plan. */
import { hasScoreTerms } from '../../../models/architectures/score-terms';
import { changesOf, type Variant } from '../../../models/instrument/changes/changes';
import { servedBySteps } from '../../../models/instrument/changes/changes';
import type { PlanChange } from '../../../models/instrument/changes/plan';
import { allSizes } from '../../../models/architectures/layer-sizes';
import { withAttention } from '../../../models/architectures/block-heads';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { layerPlanOf } from '../run/cache/layer-plan';
import type { LayerSessions } from '../run/graphs/layer-sessions';

/** Heads hold what the plan keeps; or everything is held, and masked. Absent: nothing is dropped. */
export type Following = 'caches' | 'masks';

interface Decoding {
  readonly variant?: Variant;
  readonly blocksAlone?: boolean;
}

/** On the cpu alone: other devices decode by the graphs of the blocks, and so do models with ALiBi. */
export const mayStep = (
  model: ModelSpec,
  { places }: LayerSessions,
  { blocksAlone, variant = [] }: Decoding,
  start: number,
): boolean =>
  !blocksAlone &&
  places.areOnCpu &&
  withAttention(model.blocks).every(
    ({ attention }) => !hasScoreTerms(attention) && attention.turns === undefined && attention.sinks === undefined,
  ) &&
  servedBySteps(allSizes(model), variant, start);

export function followingOf(
  model: ModelSpec,
  sessions: LayerSessions,
  decoding: Decoding,
  start: number,
): Following | undefined {
  const { variant = [] } = decoding;
  if (!model.blocks.some((block) => layerPlanOf(variant, block))) return undefined;
  return mayStep(model, sessions, decoding, start) ? 'caches' : 'masks';
}

/** The plan that the caches of a text will hold to. */
export const keptPlanOf = (
  model: ModelSpec,
  sessions: LayerSessions,
  decoding: Decoding,
  start: number,
): readonly PlanChange[] | undefined =>
  followingOf(model, sessions, decoding, start) === 'caches' ? changesOf(decoding.variant ?? [], 'plan') : undefined;
