/**
 * Normalised effects and their intervals over prompts.
 *
 * For prompt i, c is the metric of the clean run, k of the corrupted and p of the patched one. Value of a cell, as in Wang et al.
 * 2022 (arXiv:2211.00593), Zhang and Nanda 2023 (2309.16042) and Heimersheim and Nanda 2024 (2404.15255):
 *
 *   value = mean_i(p - k) / mean_i(c - k)
 *
 * 0 where the patched run is as the corrupted one, 1 where it is as the clean one; a ratio of means, since a single prompt whose
 * two runs hardly differ would have any ratio. Its interval is that of a ratio estimator: Student's t over
 * value + (p - k - value (c - k)) / mean(c - k), whose mean is the value (Cochran 1977, Sampling Techniques, chapter 6).
 */
import { meanInterval, type Interval } from '../statistics/proportion';

export interface Measured {
  readonly clean: number;
  readonly corrupted: number;
  /** By cell. */
  readonly patched: readonly number[];
  /** By cell, from another prompt of the task; absent where there is none of as many tokens. */
  readonly random?: readonly number[];
}

export type Mean = Interval & { readonly mean: number };

/** A gap below this is none: what is divided by it is rounding. */
const leastGap = 1e-6;
/** Effects below this are float32's rounding. */
const leastEffect = 1e-4;
/** Share of cells that are all right, over all cells. */
const familyShare = 0.95;

/** Contributions of prompts whose mean is the ratio of the means. */
function contributions(parts: readonly number[], gaps: readonly number[]): readonly number[] {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const gap = sum(gaps) / gaps.length;
  if (!(Math.abs(gap) >= leastGap)) return parts.map(() => Number.NaN);
  const ratio = sum(parts) / sum(gaps);
  return parts.map((part, at) => ratio + (part - ratio * (gaps[at] ?? 0)) / gap);
}

const gapsOf = (prompts: readonly Measured[]): readonly number[] =>
  prompts.map(({ clean, corrupted }) => clean - corrupted);

const valuesOf = (prompts: readonly Measured[], cell: number, random: boolean): readonly number[] =>
  contributions(
    prompts.map((one) => ((random ? one.random : one.patched)?.[cell] ?? Number.NaN) - one.corrupted),
    gapsOf(prompts),
  );

export const valueOf = (prompts: readonly Measured[], cell: number): Mean =>
  meanInterval(valuesOf(prompts, cell, false));

export const gapOf = (prompts: readonly Measured[]): Mean => meanInterval(gapsOf(prompts));

const withNull = (prompts: readonly Measured[]): readonly Measured[] => prompts.filter(({ random }) => random);

export function nullOf(prompts: readonly Measured[], cell: number): Mean | undefined {
  const some = withNull(prompts);
  return some.length === 0 ? undefined : meanInterval(valuesOf(some, cell, true));
}

/**
 * Whether the patch moves its run, and further than the same patch of random pairs does, prompt by prompt. The first alone counts
 * without random pairs, and of noising: values of a strange prompt destroy as much as those of the counterpart, or more, so that
 * they are no null of it. `plain`: the value of an unpatched run, 0 of denoising and 1 of noising. Undefined for one prompt.
 */
export function beyondChance(
  prompts: readonly Measured[],
  cell: number,
  cells: number,
  plain: 0 | 1,
): boolean | undefined {
  const paired = plain === 0 ? withNull(prompts) : [];
  const some = paired.length > 0 ? paired : prompts;
  if (some.length < 2) return undefined;
  const own = valuesOf(some, cell, false).map((value) => value - plain);
  const random = paired.length > 0 ? valuesOf(some, cell, true).map((value) => value - plain) : [];
  const direction = (values: readonly number[]): number => {
    const { mean, low, high } = meanInterval(values, { share: familyShare, family: cells });
    return Math.abs(mean) > leastEffect && (low > 0 || high < 0) ? Math.sign(mean) : 0;
  };
  const moved = direction(own);
  if (moved === 0 || random.length === 0) return moved !== 0;
  return direction(own.map((value, at) => value - (random[at] ?? Number.NaN))) === moved;
}
