/** Heads by their divergence. Pure. */
import type { FirstStep } from '../../../protocol/panels/hallucination';
import type { HeadPlace } from '../../../protocol/schema/written-form';

/** Heads by divergence, the largest first; outliers are left out. */
export function strongest(
  vhd: FirstStep['vhd'],
  outlier: FirstStep['outlier'],
  most: number,
): readonly (HeadPlace & { readonly value: number })[] {
  return vhd
    .flatMap((row, layer) => row.map((value, head) => ({ layer, head, value })))
    .filter(({ layer, head, value }) => Number.isFinite(value) && outlier[layer]?.[head] !== true)
    .sort((a, b) => b.value - a.value)
    .slice(0, most);
}

/** Heads with at least half of the largest divergence of the first word, outliers left out: the number in the finding. */
export function lookingHeads({ vhd, outlier }: Pick<FirstStep, 'vhd' | 'outlier'>): number {
  const all = strongest(vhd, outlier, Number.POSITIVE_INFINITY);
  const most = all[0]?.value ?? 0;
  return all.filter(({ value }) => value > 0 && value >= most / 2).length;
}
