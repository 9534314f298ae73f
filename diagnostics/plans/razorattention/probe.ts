/**
 * The probe of RazorAttention (arXiv 2407.15891, table of the criterion; the authors' RARopeCompressor): [bos] and K random
 * tokens, four times. Without replacement: in a small vocabulary repeats inside a copy would blur both scores.
 */
import type { RunRequest } from '../../model-runner/run-request';
import type { ModelFacts } from '../../model-runner/model-runner';
import { drawDistinct } from '../../shared/labels/probes';

export const copies = 4;
/** Fewer tokens say nothing about a head. */
export const leastPeriod = 8;
/** From so many on the scores are those of a long text. */
export const longPeriod = 64;

export interface RazorProbe {
  readonly ids: readonly number[];
  /** K. */
  readonly period: number;
  /** Tokens before the first copy: 1 with a beginning of the sequence. */
  readonly lead: number;
  /** By position: all earlier copies of its token. */
  readonly earlier: NonNullable<RunRequest['earlier']>;
}

/** K: as asked, or what fits the context of n_max tokens, floor((n_max - 1) / 4), and the vocabulary. */
export function periodOf({ summary, specialIds }: Pick<ModelFacts, 'summary' | 'specialIds'>, wanted: number): number {
  const { vocabulary, contextLength = Infinity } = summary;
  return Math.min(wanted, Math.floor((contextLength - 1) / copies), vocabulary - specialIds.length);
}

export function razorProbe(facts: ModelFacts, wanted: number, seed: number): RazorProbe {
  const { summary, specialIds, bosId } = facts;
  const period = periodOf(facts, wanted);
  const settings = { vocabulary: summary.vocabulary, avoid: specialIds, bosId, period, seed };
  const once = drawDistinct(settings, period);
  const begin = bosId === undefined ? [] : [bosId];
  const ids = [...begin, ...Array.from({ length: copies }, () => once).flat()];
  const lead = begin.length;
  const earlier = ids.map((_, position) => {
    const before = position < lead ? 0 : Math.floor((position - lead) / period);
    return Array.from({ length: before }, (_, back) => position - (back + 1) * period);
  });
  return { ids, period, lead, earlier };
}

/**
 * Both scores of a head that reads all keys up to its query alike, with `lead` tokens before the first copy: mean over rows
 * i = K..4K-1 of floor(i / K) / (i + 1 + lead).
 */
export function uniformScore(period: number, lead: number): number {
  let sum = 0;
  for (let i = period; i < copies * period; i++) sum += Math.floor(i / period) / (i + 1 + lead);
  return sum / ((copies - 1) * period);
}
