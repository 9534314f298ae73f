import { planBytes, type PlanBytes } from '../../../protocol/plans/plan-bytes';
import type { Plan } from '../../../protocol/plans/plan-file';
import type { ModelFacts } from '../../model-runner/model-runner';

/** When a prompt of so many tokens was read, 4 bytes a number; windows of the model's own hold in the full cache too. */
export function bytesOf({ blocks, summary }: ModelFacts, heads: Plan['heads'], tokens: number): PlanBytes {
  let [plan, full] = [0, 0];
  heads.forEach((own, layer) => {
    const bytes = planBytes([own], blocks[layer]?.headDim ?? summary.headDim, tokens, {
      windows: [summary.windows[layer] ?? null],
    });
    plan += bytes.plan;
    full += bytes.full;
  });
  return { plan, full };
}
