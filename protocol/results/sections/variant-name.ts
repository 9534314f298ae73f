import type { HallucinationSet } from '../hallucination-schema';

/** Reinforced captions as the tables name them: `heads x 2`, `random heads x 2`, `norm-matched x 2`. */
export function variantName({ reinforcement }: HallucinationSet['variants'][number]): string {
  const { alpha, heads, normMatched } = reinforcement;
  return `${normMatched ? 'norm-matched' : heads === 'random' ? 'random heads' : 'heads'} x ${alpha}`;
}
