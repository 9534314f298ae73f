/** Which key/value heads keep everything, and the plan that follows. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { fullPlan, type HeadPlan, type RecentPlan } from '../../../protocol/plans/head-plan';
import { byScore } from '../../../protocol/plans/plan-of-scores';
import { isAmong } from '../../shared/plans/places';

/** [layers][heads] */
export type PerHead = readonly (readonly number[])[];

export interface Chosen {
  /** Largest score first. */
  readonly induction: readonly HeadPlace[];
  readonly echo: readonly HeadPlace[];
}

/** round(share x heads), but one where the share is not 0: one per cent of a small model would be none. */
export const headCount = (share: number, heads: number): number =>
  share === 0 ? 0 : Math.min(heads, Math.max(1, Math.round(share * heads)));

/** The heads with the largest scores over all layers; their union keeps everything. */
export function chooseHeads(
  scores: { readonly induction: PerHead; readonly echo: PerHead },
  shares: { readonly induction: number; readonly echo: number },
): Chosen {
  const heads = scores.induction.flat().length;
  return {
    induction: byScore(scores.induction).slice(0, headCount(shares.induction, heads)),
    echo: byScore(scores.echo).slice(0, headCount(shares.echo, heads)),
  };
}

export const retrievalHeads = ({ induction, echo }: Chosen): readonly HeadPlace[] => [
  ...induction,
  ...echo.filter((place) => !isAmong(induction, place)),
];

export interface Cut {
  readonly sinks: number;
  /** S0. */
  readonly recent: number;
  /** C. */
  readonly compression: number;
  readonly compensation: boolean;
  readonly append?: boolean;
}

/** What a head keeps that is none of them: the first N0, the newest max(S0, N / C), and the mean of the rest. */
export const cutPlan = ({ sinks, recent, compression, compensation, append = false }: Cut): RecentPlan => ({
  kind: 'recent',
  sinks,
  recent,
  share: 1 / compression,
  ...(compensation ? { mean: true } : {}),
  ...(append ? { append: true } : {}),
});

/** [layers][key/value heads] */
export const planOf = (
  kvHeads: readonly number[],
  full: readonly HeadPlace[],
  cut: HeadPlan,
): readonly (readonly HeadPlan[])[] =>
  kvHeads.map((heads, layer) =>
    Array.from({ length: heads }, (_, head) => (isAmong(full, { layer, head }) ? fullPlan : cut)),
  );
