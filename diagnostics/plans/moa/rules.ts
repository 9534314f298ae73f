/**
 * Elastic rules of spans, S(N) = alpha + beta N (arXiv:2406.14909, section 3), as the search sees them: blocks of c positions, of which a
 * head keeps the first column (sinks) and the nb nearest to the diagonal, nb = int(alpha / c + beta N / c), at least 1.
 */
import { object, figure } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import type { HeadPlan } from '../../../protocol/plans/head-plan';
import { byDistance, blocksOf } from './influence';

export const rule = object({
  /** Positions; may be negative beside a slope. */
  alpha: figure,
  beta: figure,
});
export type Rule = Output<typeof rule>;

export interface RuleSpace {
  /** Lengths at which influence was profiled, rising. */
  readonly profiled: readonly number[];
  /** All lengths that rules must make sense at. */
  readonly lengths: readonly number[];
  /** Positions between two alphas. */
  readonly step: number;
}

/** beta of the released search: 0, 1/8, …, 1. */
const betas = Array.from({ length: 9 }, (_, at) => at / 8);

/**
 * Rules with 0 < S at the shortest length, S at most the longest profiled length there, and at most the longest length there. The released
 * search has steps of 1,024 from minus the shortest length to the longest that was profiled.
 */
export function candidateRules({ profiled, lengths, step }: RuleSpace): readonly Rule[] {
  const [least, most, last] = [Math.min(...lengths), Math.max(...lengths), Math.max(...profiled)];
  const rules: Rule[] = [];
  for (let alpha = -Math.floor(least / step) * step; alpha <= last; alpha += step) {
    for (const beta of betas) {
      const fits = alpha + beta * least > 0 && alpha + beta * last <= last && alpha + beta * most <= most;
      if (fits) rules.push({ alpha: alpha + 0, beta });
    }
  }
  return rules;
}

/** nb at a length. */
export const diagonalBlocks = ({ alpha, beta }: Rule, tokens: number, block: number): number =>
  Math.max(1, Math.trunc(alpha / block + (beta * tokens) / block));

/** Blocks that the last block row keeps: those of the window and the first; at most all. */
export const keptBlocks = (rule: Rule, tokens: number, block: number): number =>
  Math.min(blocksOf(tokens, block), diagonalBlocks(rule, tokens, block) + 1);

/** Share of the keys that the cache holds: kept blocks of the last row over all. */
export const densityOf = (rule: Rule, tokens: number, block: number): number =>
  keptBlocks(rule, tokens, block) / blocksOf(tokens, block);

/** By nb: the influence of what such a window drops; index nb = blocks is 0. */
export function lossByWindow(map: ArrayLike<number>, blocks: number): Float64Array {
  const distances = byDistance(map, blocks);
  const losses = new Float64Array(blocks + 1);
  for (let window = blocks - 1; window >= 0; window--) {
    losses[window] = (losses[window + 1] ?? 0) + (distances[window] ?? 0);
  }
  return losses;
}

/**
 * What a head keeps under the rule: what the search counted, the nb newest blocks and the first. Spans are rounded up to whole blocks, so
 * that alpha + 1 gives int((alpha + beta N) / c) + 1 of them. (The released cache rounds alpha + beta N up: where it is whole blocks
 * already, that is one block less than the search of the release counts.)
 */
export const spanPlan = ({ alpha, beta }: Rule, block: number): HeadPlan =>
  beta === 1 && alpha >= 0
    ? { kind: 'full' }
    : { kind: 'span', alpha: alpha + 1, beta, sinks: block, least: 2 * block, multiple: block };
