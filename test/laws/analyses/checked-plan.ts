/** What every plan that an analysis offers has to be: one that its file takes, of the heads of the model, applied by the offer. */
import assert from 'node:assert/strict';
import type { ModelFacts } from '../../../diagnostics/model-runner/model-runner';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { planIntervention } from '../../../protocol/interventions/plan';
import { planFrom, type GivenPlan } from '../../../protocol/plans/plan-from';
import { parsePlan, planText } from '../../../protocol/plans/plan-file';

const origin = { method: 'law', settings: {}, seed: 0, created: '2026-01-01T00:00:00Z', headscope: '0.0.0' };

export function checkPlanOffered(
  given: GivenPlan,
  interventions: readonly Intervention[],
  { summary, blocks }: ModelFacts,
): void {
  const plan = planFrom(summary, given, origin);
  assert.deepEqual(parsePlan(planText(plan)), { ok: true, result: plan });
  assert.deepEqual(
    plan.heads.map((row) => row.length),
    blocks.map(({ kvHeads }) => kvHeads),
    'a plan of other heads than the model has',
  );
  const applied = interventions.find((one) => one.kind === 'plan');
  assert.deepEqual(
    applied,
    planIntervention(plan.heads, applied?.prefill, plan.prompt),
    'an offer that applies another plan',
  );
}
