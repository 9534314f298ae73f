import type { Ratio } from '../../../protocol/schema/parts';
import { signedRank } from './signed-rank';

/**
 * baseline time / mechanism time, pair by pair: both times of a pair come from the same round, so that whatever slowed the
 * machine in that round slowed both. Test, estimate and interval are those of the signed-rank test over the logarithms of the
 * ratios (symmetric in the two kernels): the interval leaves 1 out exactly when p < 5 %.
 */
export function ratioOfPairs(baseline: readonly number[], mechanism: readonly number[]): Ratio {
  if (baseline.length !== mechanism.length || baseline.length === 0) {
    throw new RangeError(`pairs are needed: ${baseline.length} baseline and ${mechanism.length} mechanism times`);
  }
  const { estimate, low, high, p } = signedRank(baseline.map((time, index) => Math.log(time / mechanism[index]!)));
  return { median: Math.exp(estimate), low: Math.exp(low), high: Math.exp(high), p };
}
