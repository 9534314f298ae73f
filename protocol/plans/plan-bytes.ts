/** Bytes of the keys and values that a plan keeps, and of those of the full cache. */
import type { HeadPlan } from './head-plan';
import { heldOf, meansInWindow, rowsHeld } from './held';

export interface PlanBytes {
  readonly plan: number;
  readonly full: number;
}

/**
 * After `length` positions: 2 × `bytesPerNumber` × d × the rows of each key/value head, the mean of dropped positions counted as a
 * row. `prompt` (default `length`): tokens of the prompt, the n of elastic rules. A window of the model's own (`windows`, by layer: a query
 * reads so many positions, itself counted) holds in both: of `window` positions no query after the last reads more than window - 1.
 * A layer of a model with soft capping that reads means holds everything, which is not counted here (`CacheSize.maskedLayers`).
 */
export function planBytes(
  heads: readonly (readonly HeadPlan[])[],
  headDim: number,
  length: number,
  {
    prompt = length,
    bytesPerNumber = 4,
    windows = [],
  }: {
    readonly prompt?: number;
    readonly bytesPerNumber?: number;
    readonly windows?: readonly (number | null)[];
  } = {},
): PlanBytes {
  let [rows, all] = [0, 0];
  heads.forEach((layer, index) => {
    const window = windows[index] ?? undefined;
    const most = window === undefined ? length : Math.min(length, window - 1);
    const held = layer.map((plan) => heldOf(plan, prompt));
    const whole = held.some((each) => meansInWindow(each, window));
    all += most * held.length;
    rows += whole
      ? most * held.length
      : held.reduce((sum, each) => sum + rowsHeld(each, prompt, length, length - most), 0);
  });
  return { plan: 2 * bytesPerNumber * headDim * rows, full: 2 * bytesPerNumber * headDim * all };
}
