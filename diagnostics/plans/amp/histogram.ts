/** Units of all layers counted by the logarithm of their score, in equal bins. */
import { object, figure, whole } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import type { Removed } from './choose';

export const histogramBin = object({
  /** Middle of the bin: log10 of the score; scores below 1e-12 count as 1e-12. */
  log: figure,
  kept: whole,
  removed: whole,
});
type HistogramBin = Output<typeof histogramBin>;

const bins = 24;

export function histogramOf(
  unitScores: readonly (readonly number[])[],
  removed: readonly Pick<Removed, 'units'>[],
): readonly HistogramBin[] {
  const gone = removed.map(({ units }) => new Set(units));
  const all = unitScores.flatMap((layer, at) =>
    layer.map((score, unit) => ({ log: Math.log10(Math.max(score, 1e-12)), gone: gone[at]?.has(unit) ?? false })),
  );
  const low = all.reduce((least, { log }) => Math.min(least, log), Infinity);
  const high = all.reduce((most, { log }) => Math.max(most, log), -Infinity);
  const width = (high - low || 1) / bins;
  const [kept, out] = [new Array<number>(bins).fill(0), new Array<number>(bins).fill(0)];
  for (const { log, gone: own } of all) {
    const bin = Math.min(bins - 1, Math.floor((log - low) / width));
    const counts = own ? out : kept;
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return kept.map((count, at) => ({ log: low + (at + 0.5) * width, kept: count, removed: out[at] ?? 0 }));
}
