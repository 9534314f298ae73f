/**
 * What the heads of a layer keep of a prompt of N tokens under a budget (arXiv:2501.15113, section IV): B is counted in positions over the n key/value
 * heads of a layer, B = share x n x N. The f heterogeneous heads keep all N; each other head keeps the first s1 positions, the
 * last s2, and the k of the positions between that have the largest pooled scores (middle activations),
 *
 *   k = floor((B - N f) / (n - f) - s1 - s2), between 0 and N - s1 - s2.
 *
 * Kept are then at most B positions and more than B - (n - f), wherever B leaves room for the sinks and recents:
 * B >= N f + (n - f)(s1 + s2).
 */
import type { HeadPlan } from '../../../protocol/plans/head-plan';
import type { Range } from '../../../protocol/schema/written-form';
import { largest } from './separator';

export interface Setting {
  /** N */
  readonly tokens: number;
  /** s1 and s2; together at most N. */
  readonly sinks: number;
  readonly recents: number;
}

/** k; 0 also where the budget has no room for sinks and recents. */
export function middleCount(
  { tokens, sinks, recents }: Setting,
  { heads, full, budget }: { readonly heads: number; readonly full: number; readonly budget: number },
): number {
  if (heads === full) return 0;
  const room = (budget - tokens * full) / (heads - full) - sinks - recents;
  return Math.max(0, Math.min(tokens - sinks - recents, Math.floor(room)));
}

/** The smallest share of the whole cache of a layer that sinks and recents leave reachable. */
export const smallestShare = ({ tokens, sinks, recents }: Setting, heads: number, full: number): number =>
  (full * tokens + (heads - full) * (sinks + recents)) / (heads * tokens);

/** Mean over `width` positions about each, those outside counted as 0 (SnapKV's average pool, arXiv:2404.14469). */
export function pooled(scores: ArrayLike<number>, width: number): Float64Array {
  const reach = Math.floor(width / 2);
  return Float64Array.from({ length: scores.length }, (_, at) => {
    let sum = 0;
    for (let other = at - reach; other <= at + reach; other++) sum += scores[other] ?? 0;
    return sum / (2 * reach + 1);
  });
}

/** Positions as ranges that do not touch. */
export function rangesOf(positions: readonly number[]): readonly Range[] {
  const ranges: { start: number; end: number }[] = [];
  for (const position of positions) {
    const last = ranges.at(-1);
    if (last?.end === position) last.end += 1;
    else ranges.push({ start: position, end: position + 1 });
  }
  return ranges;
}

export interface Kept {
  /** Rising. */
  readonly middle: readonly number[];
  readonly plan: HeadPlan;
}

/** A head that keeps sinks, recents and the `count` middle positions with the largest scores. */
export function keptBy({ tokens, sinks, recents }: Setting, scores: ArrayLike<number>, count: number): Kept {
  const middle = largest(scores, count, sinks, tokens - recents);
  const positions = [
    ...Array.from({ length: sinks }, (_, at) => at),
    ...middle,
    ...Array.from({ length: recents }, (_, at) => tokens - recents + at),
  ];
  return { middle, plan: { kind: 'kept', ranges: rangesOf(positions) } };
}
