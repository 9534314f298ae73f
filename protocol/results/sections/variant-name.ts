import type { HallucinationSet } from '../hallucination-schema';

/** Reinforced captions as the tables name them: `heads x 2`, `random heads x 2`, `norm-matched x 2`. */
export function variantName({ reinforcement }: Pick<HallucinationSet['variants'][number], 'reinforcement'>): string {
  const { alpha, heads, normMatched } = reinforcement;
  return `${normMatched ? 'norm-matched' : heads === 'random' ? 'random heads' : 'heads'} x ${alpha}`;
}
