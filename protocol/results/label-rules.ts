/** What a label needs, in the numbers that its sentences quote: `diagnostics/shared/labels/labels.ts` says how they are used. */
import { headLabels, type HeadLabel } from './heads';
import type { HeadClass } from './heads-schema';

/** Each threshold is a share of the way from the expected score to 1. */
export const thresholds: Readonly<Record<HeadLabel, number>> = {
  'previous-token': 0.4,
  self: 0.4,
  'first-token-sink': 0.5,
  local: 0.8,
  induction: 0.3,
  'duplicate-token': 0.3,
  retrieval: 0.3,
  uniform: 0.9,
};

/** Chance that a model whose heads all follow their null models has any label. */
export const familyRate = 0.05;

/** Least deviation of a measured null model. */
export const leastDeviation = 1e-3;

export const headsByLabel = (
  classes: readonly HeadClass[],
): readonly { readonly label: HeadLabel; readonly heads: readonly HeadClass[] }[] =>
  headLabels
    .map((label) => ({ label, heads: classes.filter((each) => each.label === label) }))
    .filter(({ heads }) => heads.length > 0);
