/** A cache plan in one layer, as the caches of its heads follow it. */
import { changesOf, type Variant } from '../../../../models/instrument/changes/changes';
import type { PlanChange } from '../../../../models/instrument/changes/plan';
import type { BlockSpec } from '../../../../models/architectures/model-spec';
import type { Range } from '../../../../protocol/schema/written-form';
import { droppedBefore, keepsAll, meansInWindow, type Held } from '../../../../protocol/plans/held';

/**
 * What the heads of a layer keep; undefined where each keeps everything. Rows that a window of the model's own has left behind
 * before they are dropped are in no mean.
 */
export function layerPlanOf(variant: Variant | undefined, { index, attention }: BlockSpec): PlanChange | undefined {
  const plan = changesOf(variant ?? [], 'plan', index).at(-1);
  if (!plan) return undefined;
  if (!attention) return undefined;
  const { window } = attention;
  return {
    ...plan,
    heads: plan.heads.map((held) =>
      window === undefined || meansInWindow(held, window) ? held : { ...held, mean: false },
    ),
  };
}

/**
 * Whether caches can follow the plan of a layer. Not where heads read a mean and the layer has a window, which rows leave one by
 * one and would have to be taken out of the mean again; or soft capping, where the mean of the scores is not the score of the mean.
 * There every row is held, and read under masks.
 */
export const heldByHeads = (plan: PlanChange, { attention }: BlockSpec): boolean =>
  !readsMeans(plan) || (attention?.window === undefined && attention?.softcap === undefined);

export const readsMeans = (plan: PlanChange | undefined): boolean => plan?.heads.some(({ mean }) => mean) ?? false;

/** Rows that a head drops before row `next`; none where it dropped the same before row `last`. */
export function droppedBy(
  { prompt, from, heads }: PlanChange,
  head: number,
  next: number,
  last = -1,
): readonly Range[] {
  const held = heads[head];
  if (!held || keepsAll(held) || next < from) return [];
  if ((held.append || held.ranges) && last >= Math.max(prompt, from)) return [];
  return droppedBefore(held, prompt, next);
}

/**
 * Rows to make room for where `rows` are held. Half as much again is for what follows; memory that nobody has written to is not
 * resident. Where the oldest leave as new ones come, one row more than those kept.
 */
export const roomFor = (rows: number, held: Held | undefined): number =>
  Math.min(Math.ceil(rows * 1.5), held && !held.append && !held.ranges ? held.sinks + held.recent + 1 : Infinity);
