/** What reinforcement changed, in words. */
import type { ShareChange } from '../../../protocol/results/hallucination-schema';
import { isMoreThanNoise, signedPoints } from '../../../protocol/results/share-change';

/** `15.0 points more (95 % interval −5.2 to +33.7), no more than noise on 20 pictures`. */
export function changeWords(change: ShareChange, pictures: number): string {
  const { difference, low, high } = change;
  const far =
    difference === 0
      ? 'no change'
      : `${Math.abs(100 * difference).toFixed(1)} points ${difference > 0 ? 'more' : 'less'}`;
  const verdict = isMoreThanNoise(change) ? 'more than noise' : `no more than noise on ${pictures} pictures`;
  return `${far} (95 % interval ${signedPoints(low)} to ${signedPoints(high)}), ${verdict}`;
}
