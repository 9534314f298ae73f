/**
 * Labels of heads of cross-attention: a score at least half of the way from what a head gives that reads all of the source alike to 1.
 * The null is that formula; a source of few tokens leaves little room above it, so a label needs at least four.
 */
import {
  crossLabels,
  crossLabelWords,
  type CrossHeads,
  type CrossLabel,
  type CrossStatisticName,
} from '../../../protocol/results/cross-heads';
import { uniformNumbers, type CrossTexts } from './cross-statistics';

const needed = 0.5;
const leastTokens = 4;

export function crossClasses(
  statistics: Readonly<Record<CrossStatisticName, readonly (readonly number[])[]>>,
  texts: CrossTexts,
): CrossHeads['classes'] {
  if (texts.source.length < leastTokens) return [];
  const even = uniformNumbers(texts);
  const share = 1 / texts.source.length;
  const nulls: Readonly<Record<CrossLabel, number>> = {
    diagonal: even.diagonal,
    'same-token': even.sameToken,
    'first-token-sink': share,
    'last-token-sink': share,
  };
  return crossLabels
    .flatMap((label) =>
      statistics[crossLabelWords[label].of].flatMap((row, layer) =>
        row.map((score, head) => ({ layer, head, label, score, null: nulls[label] })),
      ),
    )
    .filter((one) => one.score >= one.null + needed * (1 - one.null))
    .sort((a, b) => b.score - a.score || a.layer - b.layer || a.head - b.head);
}
