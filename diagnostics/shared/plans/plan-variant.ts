/** A cache plan as the variant of a run whose prompt has so many rows, read under the plan from row `from` on. */
import { planChanges } from '../../model-runner/plan-changes';
import type { Variant } from '../../../models/instrument/changes/changes';
import { heldOf } from '../../../protocol/plans/held';
import type { HeadPlan } from '../../../protocol/plans/head-plan';

export const underPlan = (heads: readonly (readonly HeadPlan[])[], prompt: number, from = 0): Variant =>
  planChanges({ prompt, from, heads: heads.map((layer) => layer.map((plan) => heldOf(plan, prompt))) });
