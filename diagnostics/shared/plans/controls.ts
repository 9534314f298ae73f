/** What a plan is compared with: the same bytes spent alike in all heads, and the same head plans at random heads. */
import { random } from '../../../kernels/tensors/random';
import type { HeadPlan } from '../../../protocol/plans/head-plan';
import { planBytes } from '../../../protocol/plans/plan-bytes';

type Heads = readonly (readonly HeadPlan[])[];

/** A cache of `length` positions, all of them of the prompt. */
export interface CacheShape {
  /** Key/value heads by layer. */
  readonly kvHeads: readonly number[];
  readonly headDim: number;
  readonly length: number;
  readonly bytesPerNumber?: number;
  /** Windows of the model's own, by layer. */
  readonly windows?: readonly (number | null)[];
}

export interface UniformPlan {
  readonly heads: Heads;
  /** Positions that each head keeps, the sinks among them. */
  readonly positions: number;
  readonly bytes: number;
}

export const bytesAt = (heads: Heads, { headDim, length, bytesPerNumber, windows }: CacheShape): number =>
  planBytes(heads, headDim, length, {
    ...(bytesPerNumber === undefined ? {} : { bytesPerNumber }),
    ...(windows === undefined ? {} : { windows }),
  }).plan;

/**
 * All heads keep the same: of the k positions that each keeps the first are sinks, k as large as `bytes` allows at this length
 * (found by bisection: bytes rise with k). With fewer positions than `sinks` all of them are sinks.
 */
export function uniformPlan(bytes: number, shape: CacheShape, sinks = 4): UniformPlan {
  const planOf = (positions: number): Heads => {
    const first = Math.min(sinks, positions);
    const keep: HeadPlan = { kind: 'recent', sinks: first, recent: positions - first };
    return shape.kvHeads.map((heads) => Array.from({ length: heads }, () => keep));
  };
  let [fits, tooMany] = [0, shape.length + 1];
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (bytesAt(planOf(middle), shape) <= bytes) fits = middle;
    else tooMany = middle;
  }
  const heads = planOf(fits);
  return { heads, positions: fits, bytes: bytesAt(heads, shape) };
}

/** The same head plans, as often, at heads drawn at random over all layers (Fisher and Yates' shuffle). */
export function randomPlan(heads: Heads, seed: number): Heads {
  const all = heads.flat();
  const source = random(seed);
  for (let at = all.length - 1; at > 0; at--) {
    const other = source.whole(at + 1);
    const [one, two] = [all[at], all[other]];
    if (one && two) [all[at], all[other]] = [two, one];
  }
  let from = 0;
  return heads.map((row) => all.slice(from, (from += row.length)));
}
