/** A cache plan in a form that runs a model. Pure. */
import type { Intervention } from '../../../protocol/interventions/interventions';
import { planIntervention } from '../../../protocol/interventions/plan';
import type { Plan } from '../../../protocol/plans/plan-file';
import type { ModelSummary } from '../../../protocol/schema/parts';

/** Lets the person choose; undefined when they cancel. */
export type ChoosePlan = (model: ModelSummary | undefined) => Promise<Plan | undefined>;

/** A plan in place of the one that was there. */
export const withPlan = (interventions: readonly Intervention[], { heads }: Plan): readonly Intervention[] => [
  ...interventions.filter(({ kind }) => kind !== 'plan'),
  planIntervention(heads),
];

export const fitsModel = ({ heads }: Plan, { layers, kvHeads }: Pick<ModelSummary, 'layers' | 'kvHeads'>): boolean =>
  heads.length === layers && heads.every((layer) => layer.length === kvHeads);
