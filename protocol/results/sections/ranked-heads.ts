/** Heads and tokens of a result in the order of what is said about them. */
import type { HeadPlace } from '../../schema/written-form';
import type { DivergenceResult } from '../divergence-result';

export interface RankedHead extends HeadPlace {
  readonly vhd: number;
}

type Tables = Partial<Pick<DivergenceResult, 'vhd' | 'outlier'>>;

/** By VHD, largest first; outliers left out. */
export function strongest({ vhd = [], outlier = [] }: Tables): readonly RankedHead[] {
  return vhd
    .flatMap((row, layer) => row.map((value, head) => ({ layer, head, vhd: value })))
    .filter(({ layer, head, vhd: value }) => Number.isFinite(value) && outlier[layer]?.[head] !== true)
    .sort((a, b) => b.vhd - a.vhd);
}

/** Heads with at least half of the largest divergence, outliers left out. */
export function affected(result: Tables): readonly RankedHead[] {
  const ranked = strongest(result);
  const largest = ranked[0]?.vhd ?? 0;
  return ranked.filter(({ vhd }) => vhd > 0 && vhd >= largest / 2);
}

export const placesWhere = (flags: readonly (readonly boolean[])[] = []): readonly HeadPlace[] =>
  flags.flatMap((row, layer) => row.flatMap((is, head) => (is ? [{ layer, head }] : [])));

export const removedWords = ({ removed }: Partial<Pick<DivergenceResult, 'removed'>>): string =>
  removed?.kind === 'span' ? 'the span' : 'the image';
