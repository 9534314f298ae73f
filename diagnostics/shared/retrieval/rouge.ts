/**
 * ROUGE-1 recall (Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", section 2) as retrieval heads are measured
 * with (arXiv:2404.15574, section 2.2: an answer passes above 50 %): share of the words of the target that stand in the text,
 * each counted at most as often as in the target. Words are lower case, cut at everything that is no letter or digit, and
 * stemmed (Porter 1980) from four letters on, as the package `rouge_score` does it; letters of every script count here.
 */
import { stemmer } from 'stemmer';

/** Shorter words are left as they are. */
const leastStemmed = 4;

export const wordsOf = (text: string): readonly string[] =>
  (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).map((word) =>
    word.length < leastStemmed ? word : stemmer(word),
  );

/** Takes words, or token ids where a model has no words. NaN for an empty target. */
export function unigramRecall<T>(target: readonly T[], text: readonly T[]): number {
  const left = new Map<T, number>();
  for (const one of text) left.set(one, (left.get(one) ?? 0) + 1);
  let found = 0;
  for (const one of target) {
    const count = left.get(one) ?? 0;
    if (count === 0) continue;
    left.set(one, count - 1);
    found += 1;
  }
  return found / target.length;
}
