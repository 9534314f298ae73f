/** Plans on prompts that were not profiled, and the uniform window that has as many bytes. */
import { changesOf, withAll, type Variant } from '../../../models/instrument/changes/changes';
import { planIntervention } from '../../../protocol/interventions/plan';
import type { HeadPlan } from '../../../protocol/plans/head-plan';
import { heldOf, rowsHeld } from '../../../protocol/plans/held';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import { bytesAt, uniformPlan } from '../../shared/plans/controls';
import type { Supervised } from './calibration';
import { mean } from '../../../kernels/tensors/vectors';

export type Heads = readonly (readonly HeadPlan[])[];

/** The answer to one prompt under one plan. */
export interface Answered {
  /** Mean of -ln p over the supervised tokens, nats. */
  readonly loss: number;
  /** Share of the supervised tokens that are the most probable ones. */
  readonly right: number;
}

/** The prompt itself is read under the plan. */
export async function underPlan(
  model: ModelRunner,
  { sequence, prompt, rows }: Supervised,
  variant: Variant,
  heads: Heads | undefined,
): Promise<Answered> {
  const read = { ...sequence, ids: sequence.ids.slice(0, prompt) };
  const planned = heads ? await model.variant([planIntervention(heads)], read) : undefined;
  const own = withAll(variant, 'plan', changesOf(planned?.variant ?? [], 'plan'));
  const { nextTokens } = await model.run({
    ...sequence,
    variants: [own],
    lossAt: rows,
    eachToken: true,
    logits: 'none',
  });
  const [answered] = nextTokens ?? [];
  return {
    loss: mean([...(answered?.loss ?? [])]),
    right: mean(rows.map((row, at) => (answered?.best[at] === sequence.ids[row + 1] ? 1 : 0))),
  };
}

/** Rows of the caches of all heads when a prompt of so many tokens was read. */
export const rowsOf = (heads: Heads, tokens: number): number =>
  heads.flat().reduce((sum, plan) => sum + rowsHeld(heldOf(plan, tokens), tokens, tokens), 0);

/** One window for all heads, with the first block, that has at most as many bytes at this length. */
export function uniformLike({ blocks, summary }: ModelFacts, heads: Heads, length: number, block: number): Heads {
  const { headDim, windows } = summary;
  const shape = { kvHeads: blocks.map(({ kvHeads }) => kvHeads), headDim, length, windows };
  return uniformPlan(bytesAt(heads, shape), shape, block).heads;
}
