/** Plans that fit a budget of bytes, by the one number that a slider turns. */
import { fullPlan, type HeadPlan } from './head-plan';
import { planBytes, type PlanBytes } from './plan-bytes';
import { byScore } from './plan-of-scores';

type Heads = readonly (readonly HeadPlan[])[];

export interface Budget {
  readonly headDim: number;
  /** Positions that the caches are counted at. */
  readonly length: number;
  /** Tokens of the prompt; default: the length. */
  readonly prompt?: number;
}

const bytesOf = (heads: Heads, { headDim, length, prompt = length }: Budget): PlanBytes =>
  planBytes(heads, headDim, length, { prompt: Math.min(prompt, length) });

/** The cache under the plan as a share of the full one, 0..1. */
export function shareOf(heads: Heads, budget: Budget): number {
  const { plan, full } = bytesOf(heads, budget);
  return full === 0 ? 1 : plan / full;
}

const mapped = (heads: Heads, change: (keep: HeadPlan, layer: number, head: number) => HeadPlan): Heads =>
  heads.map((layer, index) => layer.map((keep, head) => change(keep, index, head)));

/** Heads of sinks and recents, each with the same number of recents; a share of the prompt becomes this number. */
const withRecents = (heads: Heads, recent: number): Heads =>
  mapped(heads, (keep) => {
    if (keep.kind !== 'recent') return keep;
    const { share: _share, ...rest } = keep;
    return { ...rest, recent };
  });

/**
 * The most recents, the same of every head of sinks and recents, with which the cache is no larger than this share of the full
 * one; none where it is larger without any. Found by bisection: more recents never take less.
 */
export function recentsFor(heads: Heads, share: number, budget: Budget): Heads {
  let [least, most] = [0, budget.length];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (shareOf(withRecents(heads, middle), budget) <= share) least = middle;
    else most = middle - 1;
  }
  return withRecents(heads, least);
}

/**
 * The heads of the lowest scores keep what the brush says, as few as bring the cache down to this share, and the others keep
 * everything. Of equal scores, heads of higher layers give way first; one without a score counts as the lowest (plan-of-scores.ts).
 */
export function lowestGiveWay(
  heads: Heads,
  scores: readonly (readonly number[])[],
  brush: HeadPlan,
  share: number,
  budget: Budget,
): Heads {
  const order = byScore(scores)
    .toReversed()
    .map(({ layer, head }) => `${layer}.${head}`);
  const withLowest = (count: number): Heads => {
    const chosen = new Set(order.slice(0, count));
    return mapped(heads, (_, layer, head) => (chosen.has(`${layer}.${head}`) ? brush : fullPlan));
  };
  let [least, most] = [0, order.length];
  while (least < most) {
    const middle = Math.floor((least + most) / 2);
    if (shareOf(withLowest(middle), budget) <= share) most = middle;
    else least = middle + 1;
  }
  return withLowest(least);
}
