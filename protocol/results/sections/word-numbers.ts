/** T-VHD of the words of a caption. */
import type { Caption, ObjectMention } from '../hallucination-schema';

export const median = (values: readonly number[]): number => {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
};

/** T-VHD of the token that begins the word: later tokens of a word follow from it. */
export function wordTVhd({ tokens }: Pick<Caption, 'tokens'>, mention: ObjectMention): number {
  let offset = 0;
  for (const { text, tVhd } of tokens) {
    offset += text.length;
    // A token may begin with the space before the word.
    if (offset > mention.start) return tVhd;
  }
  return Number.NaN;
}
