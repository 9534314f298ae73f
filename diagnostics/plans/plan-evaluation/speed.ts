/** Tokens a second behind a cache of a prompt's length, under several plans in turn. */
import { planChanges } from '../../model-runner/plan-changes';
import type { Variant } from '../../../models/instrument/changes/changes';
import { heldOf } from '../../../protocol/plans/held';
import type { HeadPlan } from '../../../protocol/plans/head-plan';
import type { Continuation, ModelRunner } from '../../model-runner/model-runner';
import { sequencePart } from '../../model-runner/sequence';
import { quantile } from '../../shared/statistics/quantile';
import type { Unit } from './units';

/** Tokens that are decoded before the clock counts: sessions are opened, buffers grow. */
const warmUp = 2;

/** As many tokens of the context as are decoded, and the warm-up, have to be free. */
export const speedFits = ({ facts }: Pick<ModelRunner, 'facts'>, unit: Unit, tokens: number): boolean =>
  unit.length + warmUp + tokens <= (facts.summary.contextLength ?? Infinity);

/**
 * 1 / the median time of a token, of each plan; null where layers are masked instead of held apart, which says nothing of the
 * plan's speed. The prompt is read in full and compressed at its end; its own tokens are decoded again, one by one, under each plan in
 * turn, so that what else the machine does meets all alike.
 */
export async function speeds(
  model: Pick<ModelRunner, 'continuation' | 'seconds'>,
  { sequence, length }: Unit,
  plans: readonly (readonly (readonly HeadPlan[])[])[],
  { variant, tokens }: { readonly variant: Variant; readonly tokens: number },
): Promise<readonly (number | null)[]> {
  const prompt = { ...sequencePart(sequence), ids: sequence.ids.slice(0, length) };
  const runs: Continuation[] = [];
  for (const heads of plans) {
    const held = heads.map((row) => row.map((head) => heldOf(head, length)));
    const full = heads.every((row) => row.every(({ kind }) => kind === 'full'));
    const planned = full ? variant : [...variant, ...planChanges({ prompt: length, from: length, heads: held })];
    runs.push(
      await model.continuation({ sequence: prompt, variant: planned, further: warmUp + tokens, held: plans.length }),
    );
  }
  const times = runs.map((): number[] => []);
  for (let token = 0; token < warmUp + tokens; token++) {
    for (const [at, run] of runs.entries()) {
      const start = model.seconds();
      await run.extend([prompt.ids[token % length] ?? 0]);
      if (token >= warmUp) times[at]?.push(model.seconds() - start);
    }
  }
  return runs.map((run, at) => (run.cacheBytes().maskedLayers > 0 ? null : 1 / quantile(times[at] ?? [], 0.5)));
}
