/**
 * Logit lens (nostalgebraist 2020, "interpreting GPT: the logit lens"): the language head, with its final norm and soft capping,
 * on the residual stream that enters each layer and on the one that leaves the last.
 */
import { probabilities } from '../../model-runner/sampling';
import { largest } from '../../shared/statistics/largest';
import type { LensLayer } from './result';

const shown = 5;

/** Logit lens of one stream. Rank 1 is the largest logit; with several right tokens the best one counts. */
export function lensOf(
  logits: Float32Array,
  right: readonly number[],
  wrong: readonly number[],
  pieces: (ids: readonly number[]) => readonly string[],
): LensLayer {
  const shares = probabilities(logits);
  const sum = (ids: readonly number[]): number => ids.reduce((total, id) => total + (shares[id] ?? Number.NaN), 0);
  const best = Math.max(...right.map((id) => logits[id] ?? -Infinity));
  const top = largest(logits, shown);
  const texts = pieces(top);
  return {
    probability: sum(right),
    rank: 1 + logits.reduce((larger, logit) => larger + (logit > best ? 1 : 0), 0),
    ...(wrong.length > 0 ? { against: sum(wrong) } : {}),
    top: top.map((id, at) => ({ token: texts[at] ?? `#${id}`, probability: shares[id] ?? Number.NaN })),
  };
}
