/**
 * Effects along paths and their intervals over prompts. Of prompt i: o the metric on the original prompt, c on its counterpart, p
 * with the path patched (paths.ts).
 *
 *   effect = mean_i(p - o) / mean_i(c - o)
 *
 * 0 where the path does nothing, 1 where it makes all of the difference between the two prompts; below 0 where it works against it.
 * A ratio of means, as the authors' code has it within a batch. Merullo et al. 2023 (arXiv:2310.08744) plot -100 times this.
 */
import { beyondChance, valueOf, type Mean, type Measured } from '../effects/patch-effects';

/** What one prompt gives: by sender, the metric with its path patched. */
export interface PathMeasured {
  readonly original: number;
  readonly counterpart: number;
  readonly patched: readonly number[];
}

/** A difference below this is float32's rounding. */
const rounding = 1e-6;

/** The original prompt is what is patched, and the counterpart what its values come from. */
const asPatches = (prompts: readonly PathMeasured[]): readonly Measured[] =>
  prompts.map(({ original, counterpart, patched }) => ({ clean: counterpart, corrupted: original, patched }));

/** 0 where nothing differs and nothing changes. */
export function effectOf(prompts: readonly PathMeasured[], sender: number): Mean {
  const nothing = prompts.every(
    ({ original, counterpart, patched }) =>
      Math.abs(counterpart - original) < rounding && Math.abs((patched[sender] ?? Number.NaN) - original) < rounding,
  );
  return nothing && prompts.length > 0 ? { mean: 0, low: 0, high: 0 } : valueOf(asPatches(prompts), sender);
}

/** Whether the effect is other than 0, at 5 % over all senders (Bonferroni); undefined for one prompt. */
export const isBeyondChance = (
  prompts: readonly PathMeasured[],
  sender: number,
  senders: number,
): boolean | undefined => beyondChance(asPatches(prompts), sender, senders, 0);

/** Effects below this are float32's rounding: no head is chosen for one. */
export const leastEffect = 1e-4;
