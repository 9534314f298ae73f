/** A plan of all layers as the changes of a variant. */
import type { PlanChange } from '../../models/instrument/changes/plan';
import { keepsAll, type Held } from '../../protocol/plans/held';

export interface HeldPlan extends Pick<PlanChange, 'prompt' | 'from'> {
  /** [layers][key/value heads] */
  readonly heads: readonly (readonly Held[])[];
}

/** None for layers whose heads keep everything. */
export const planChanges = ({ prompt, from, heads }: HeldPlan): readonly PlanChange[] =>
  heads.flatMap((own, layer) =>
    own.every(keepsAll) ? [] : [{ kind: 'plan' as const, layer, prompt, from, heads: own }],
  );
