/** What a row says of the backward pass, from what was measured. */
import type { BackwardTimes } from '../../protocol/results/benchmark';
import { isBackwardPrepared, type PreparedBackward, type RefusedBackward } from './backward';
import { checked } from './rows';
import { ratioOfPairs } from './statistics/ratio';
import { summary } from './statistics/summary';
import { pairs, type Series } from './timing';

/** The name under which a mechanism's forward and backward pass takes part in the rounds. */
export const backwardName = (mechanism: string): string => `${mechanism} backward`;

/** `seriesOf` finds a series by its name where it was timed. Undefined before its first sample. */
export function backwardTimes(
  outcome: PreparedBackward | RefusedBackward,
  mechanism: string,
  baseline: string,
  seriesOf: (name: string) => Series | undefined,
): BackwardTimes | undefined {
  const peak = outcome.peakBytes === undefined ? {} : { predictedPeakBytes: outcome.peakBytes };
  if (!isBackwardPrepared(outcome)) return { reason: outcome.reason, ...peak, ...checked(outcome.check) };
  const own = seriesOf(backwardName(mechanism));
  if (!own || own.times.size === 0) return undefined;
  const { median, quartiles, relativeSd } = summary([...own.times.values()]);
  const ratio = (slow: Series | undefined, fast: Series) => {
    const both = slow && pairs(slow, fast);
    return both && both[0].length > 0 ? ratioOfPairs(...both) : undefined;
  };
  const forward = seriesOf(mechanism);
  const overForward = forward && ratio(own, forward)?.median;
  const overBaseline = mechanism === baseline ? undefined : ratio(seriesOf(backwardName(baseline)), own);
  const { flops } = outcome;
  return {
    medianMs: median,
    relativeSd,
    samples: own.times.size,
    quartilesMs: quartiles,
    ...(overForward === undefined ? {} : { overForward }),
    ...(overBaseline === undefined ? {} : { ratioToBaseline: overBaseline }),
    ...peak,
    ...(flops === undefined ? {} : { flops, gflops: flops / median / 1e6 }),
    ...checked(outcome.check),
  };
}
