/** What recurrences of several kinds are made of. */
import type { Names } from '../architecture';
import { ModelError } from '../model-spec';
import type { CausalConvolution } from '../state-spec';

/** Groups of heads that do not come out even are refused with both numbers. */
export function requireWhole(index: number, heads: number, groups: number, words: string): void {
  if (groups < 1 || heads % groups !== 0)
    throw new ModelError(
      `Layer ${index} has ${heads} heads of its recurrence for ${groups} ${words}. Correct the config.`,
    );
}

export const convolutionOf = (at: Names, channels: number, size: number, name = 'conv1d'): CausalConvolution => ({
  weight: at.name(`${name}.weight`),
  ...(at.has(`${name}.bias`) ? { bias: at.name(`${name}.bias`) } : {}),
  channels,
  size,
});
