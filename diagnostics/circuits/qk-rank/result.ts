/** The result of the analysis `qk-rank`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, numbers, object, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';
import type { HeadPlace } from '../../../protocol/sections/heads';
import { energies, energyKept, rankFor } from './energy';

/** A head whose form is not zero. */
export interface RankedHead extends HeadPlace {
  /** Smallest rank that keeps the share of the energy. */
  readonly enough: number;
  /** E_1, and E_r. */
  readonly one: number;
  readonly some: number;
  /** Of both factors at the rank that is enough, 2 r w, and of the query and key maps of the head, 2 d w. */
  readonly numbers: number;
  readonly full: number;
}

/** E_k over the heads. */
export interface EnergyOfRank {
  readonly rank: number;
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

interface Fields {
  /** Singular values [layers][heads][values], largest first; none for a layer that was left out. */
  readonly spectra: readonly (readonly (readonly number[])[])[];
  /** r of the energy that is shown beside that of rank 1. */
  readonly rank: number;
  /** Share of the energy that a rank is looked for. */
  readonly share: number;
  /** Those of the lowest rank first, and of one rank those that keep most by rank 1. */
  readonly heads: readonly RankedHead[];
  readonly byRank: readonly EnergyOfRank[];
  /** Widths of the heads, each once. */
  readonly widths: readonly number[];
}

export interface RankResult extends Fields, Readonly<Record<string, unknown>> {}

type Named = Pick<Fields, keyof Fields>;

export const rankResult: Schema<RankResult> = object<Named>({
  spectra: list(list(list(figure), 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers }),
  rank: count,
  share: figure,
  heads: list(
    object<RankedHead>({
      layer: whole,
      head: whole,
      enough: count,
      one: figure,
      some: figure,
      numbers: count,
      full: count,
    }),
  ),
  byRank: list(object<EnergyOfRank>({ rank: count, median: figure, low: figure, high: figure })),
  widths: numbers,
});

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] = [sorted[half - 1], sorted[half]];
  return sorted.length % 2 === 0 ? (low + high) / 2 : high;
}

export function rankResultOf(
  spectra: RankResult['spectra'],
  { rank, share }: Pick<Fields, 'rank' | 'share'>,
  { hiddenSize, headDims }: { readonly hiddenSize: number; readonly headDims: readonly number[] },
): RankResult {
  const heads = spectra
    .flatMap((layer, at) =>
      layer.map((values, head): RankedHead => {
        const enough = rankFor(values, share);
        return {
          layer: at,
          head,
          enough,
          one: energyKept(values, 1),
          some: energyKept(values, rank),
          numbers: 2 * enough * hiddenSize,
          full: 2 * (headDims[at] ?? 0) * hiddenSize,
        };
      }),
    )
    .filter(({ enough }) => !Number.isNaN(enough))
    .sort((a, b) => a.enough - b.enough || b.one - a.one);
  const kept = spectra
    .flat()
    .map(energies)
    .filter(({ length }) => length > 0);
  const byRank = Array.from({ length: Math.max(0, ...kept.map(({ length }) => length)) }, (_, at): EnergyOfRank => {
    const here = kept.map((values) => values[Math.min(at, values.length - 1)] ?? 1);
    return { rank: at + 1, median: median(here), low: Math.min(...here), high: Math.max(...here) };
  });
  const widths = [...new Set(headDims.filter((_, at) => (spectra[at]?.length ?? 0) > 0))];
  return { spectra, rank, share, heads, byRank, widths };
}
