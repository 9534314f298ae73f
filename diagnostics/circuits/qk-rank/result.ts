/** The result of the analysis `qk-rank`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { count, figure, list, numbers, object, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';
import { energies, energyKept, rankFor } from './energy';

/** A head whose form is not zero. */
const rankedHead = object({
  layer: whole,
  head: whole,
  /** Smallest rank that keeps the share of the energy. */
  enough: count,
  /** E_1, and E_r. */
  one: figure,
  some: figure,
  /** Numbers in both factors at the rank that is enough, 2 r w, and in the query and key maps of the head, 2 d w. */
  numbers: count,
  full: count,
});
export type RankedHead = Output<typeof rankedHead>;

/** E_k over the heads. */
const energyOfRank = object({ rank: count, median: figure, low: figure, high: figure });
type EnergyOfRank = Output<typeof energyOfRank>;

export const rankResult = object({
  /** Singular values [layers][heads][values], largest first; none for a layer that was left out. */
  spectra: list(list(list(figure), 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers }),
  /** r of the energy that is shown beside that of rank 1. */
  rank: count,
  /** Share of the energy that a rank is looked for. */
  share: figure,
  /** Those of the lowest rank first, and of one rank those that keep most by rank 1. */
  heads: list(rankedHead),
  byRank: list(energyOfRank),
  /** Widths of the heads, each once. */
  widths: numbers,
});
export type RankResult = Output<typeof rankResult>;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] = [sorted[half - 1], sorted[half]];
  return sorted.length % 2 === 0 ? (low + high) / 2 : high;
}

export function rankResultOf(
  spectra: RankResult['spectra'],
  { rank, share }: Pick<RankResult, 'rank' | 'share'>,
  /** By layer: widths of a head, and of what it reads. */
  sizes: readonly { readonly headDim: number; readonly readWidth: number }[],
): RankResult {
  const heads = spectra
    .flatMap((layer, at) =>
      layer.map((values, head): RankedHead => {
        const enough = rankFor(values, share);
        const { headDim = 0, readWidth = 0 } = sizes[at] ?? {};
        return {
          layer: at,
          head,
          enough,
          one: energyKept(values, 1),
          some: energyKept(values, rank),
          numbers: 2 * enough * readWidth,
          full: 2 * headDim * readWidth,
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
  const widths = [...new Set(sizes.flatMap(({ headDim }, at) => ((spectra[at]?.length ?? 0) > 0 ? [headDim] : [])))];
  return { spectra, rank, share, heads, byRank, widths };
}
