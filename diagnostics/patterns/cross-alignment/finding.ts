import { counted, percent, threeDigits } from '../../../protocol/wire/number-words';
import type { CrossAlignmentResult, RankedHead } from './result';

/** Share of permutations from which a head does not stand out. */
const surprising = 0.05;

export const nameOf = ({ layer, head }: Pick<RankedHead, 'layer' | 'head'>): string => `L${layer}H${head}`;

export const momentWords = { writing: 'when it writes a token', reading: 'when it reads the token it wrote' } as const;

export function finding(result: Partial<CrossAlignmentResult>): string {
  const { best = [], gold, unit = 'words', null: none } = result;
  const [first] = best;
  if (!first) return 'Nothing is measured yet.';
  const where = `cross-attention head ${nameOf(first)}, ${momentWords[first.moment]}`;
  if (!gold) {
    return `No gold alignment was given: of all cross-attention heads, ${nameOf(first)}, ${momentWords[first.moment]}, reads its source most sharply, with ${percent(first.largest)} of its attention on one of the ${unit} on average.`;
  }
  const error = `has an alignment error rate of ${threeDigits(first.aer)}`;
  if (!none) return `The best is ${where}: it ${error}.`;
  const others = best.filter(({ p }) => p <= surprising).length - 1;
  return first.p <= surprising
    ? `The ${where}, ${error}; by chance the best of all heads gets below ${threeDigits(none.lowest)} in 5 % of ${none.permutations} permutations. ${others <= 0 ? 'No other head stands out.' : `${counted(others, 'other of the ranked heads stands', 'others of the ranked heads stand')} out.`}`
    : `No head stands out: the best, ${where}, ${error}, and ${percent(first.p)} of permutations have a head as good.`;
}
