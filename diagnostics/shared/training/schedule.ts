import { mean } from '../../../kernels/tensors/vectors';
/** Learning rates by step, and when a loss no longer falls. */

export interface Schedule {
  /** Largest learning rate. */
  readonly peak: number;
  /** Steps in which the rate rises from 0 to the peak, linearly. Default: 0. */
  readonly warmUp?: number;
  /** After the warm-up: the peak, or down to `last` at the last step, along half a cosine or a line. Default: `constant`. */
  readonly shape?: 'constant' | 'cosine' | 'linear';
  /** Rate of the last step, as a share of the peak. Default: 0. */
  readonly last?: number;
}

/** Up to `peak` in 20 steps, then along half a cosine to the share `last` of it. */
export const halfCosine = (peak: number, steps: number, last = 0.1): Schedule => ({
  peak,
  warmUp: Math.min(20, steps),
  shape: 'cosine',
  last,
});

/** Learning rate of `step` (from 1) of `steps`. */
export function rateAt(
  { peak, warmUp = 0, shape = 'constant', last = 0 }: Schedule,
  step: number,
  steps: number,
): number {
  if (step < warmUp) return (peak * step) / warmUp;
  if (shape === 'constant' || steps <= warmUp) return peak;
  const share = Math.min(1, (step - warmUp) / (steps - warmUp));
  const left = shape === 'cosine' ? (1 + Math.cos(Math.PI * share)) / 2 : 1 - share;
  return peak * (last + (1 - last) * left);
}

export interface Plateau {
  /** Checkpoints without a better value after which training stops. */
  readonly patience: number;
  /** What counts as better: less than the best so far by more than this share of it. Default: 0. */
  readonly least?: number;
}

/** `values`: one for each checkpoint, less is better. */
export function hasSettled({ patience, least = 0 }: Plateau, values: readonly number[]): boolean {
  let best = Infinity;
  let since = 0;
  for (const value of values) {
    if (best === Infinity || value < best - least * Math.abs(best)) {
      best = value;
      since = 0;
    } else since += 1;
  }
  return since >= patience;
}

export const meanLoss = (points: readonly { readonly loss: number }[]): number => mean(points.map(({ loss }) => loss));
