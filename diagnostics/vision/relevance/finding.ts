import { quotedToken } from '../../../protocol/wire/token-name';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import type { RelevanceResult } from './result';

export const whatIsSeen = ({ image }: Pick<RelevanceResult, 'image'>): string => (image ? 'picture' : 'span');

/** Nats from which a token is said to need the picture: its probability falls to less than nine tenths. */
export const needs = 0.1;

export function finding(result: Partial<RelevanceResult>): string {
  const { words = [], deletion } = result;
  if (words.length === 0) return 'Nothing is measured yet.';
  const what = whatIsSeen(result);
  const needing = words.filter(({ whole }) => whole > needs);
  const most = words.reduce((best, word) => (word.whole > best.whole ? word : best));
  const first =
    needing.length === 0
      ? `No token of ${words.length} of the answer loses more than ${needs} nats without the ${what}.`
      : `${counted(needing.length, 'token', 'tokens')} of ${words.length} of the answer ${needing.length === 1 ? 'loses' : 'lose'} more than ${needs} nats without the ${what}, most of all ${quotedToken(most.text)} (${threeDigits(most.whole)}).`;
  if (!deletion) return first;
  const cost = (name: string): string => {
    const curve = deletion.curves.find((one) => one.name === name);
    return threeDigits(curve?.mean ?? Number.NaN);
  };
  return `${first} Hidden from the most relevant on, squares cost ${cost('occlusion')} nats by occlusion, ${cost('rollout')} by gradient and attention, ${cost('attention')} by attention alone and ${cost('random')} in random order (mean over ${counted(deletion.of.length, 'token', 'tokens')} and shares of the ${what}).`;
}
