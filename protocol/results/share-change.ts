/** Changes of shares in words. */
import type { ShareChange } from './hallucination-schema';

/** The 95 % interval leaves 0 out. */
export const isMoreThanNoise = ({ low, high }: ShareChange): boolean => low > 0 || high < 0;

/** A share in percentage points with its sign: `+15.0`, `−5.2`. */
export const signedPoints = (share: number): string => {
  const points = (100 * share).toFixed(1);
  return points === '-0.0' || points === '0.0' ? '0.0' : share > 0 ? `+${points}` : points.replace('-', '−');
};

/** `+15.0 (−5.2 to +33.7)`, in percentage points. */
export const pointsOf = ({ difference, low, high }: ShareChange): string =>
  `${signedPoints(difference)} (${signedPoints(low)} to ${signedPoints(high)})`;
