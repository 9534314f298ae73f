import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Offer } from '../../../protocol/analysis/schema';
import { biasOf } from './lever';
import type { ZeroTuningResult } from './result';
import { changeWords, headsWords, heldOutWords } from '../../shared/labelled-heads/words';
import { percent, threeDigits } from '../../../protocol/wire/number-words';

export function finding(result: Partial<ZeroTuningResult>): string {
  const { upEffective, downEffective, tried = 0, gamma = Number.NaN, heldOut, target } = result;
  if (!upEffective || !downEffective || tried === 0) return 'Nothing is measured yet.';
  const aim = target === 'entropy' ? 'lower the mean entropy' : 'raise the probability of the answers';
  const ofTypes = (ups: number, downs: number): string =>
    `Of ${headsWords(tried)}, ${ups} ${aim} with gamma ${threeDigits(gamma)} on the first token and ${downs} with ${threeDigits(1 / gamma)}`;
  const ranges = [upEffective.map(lowOf(result.upRange)), downEffective.map(lowOf(result.downRange))] as const;
  const [ups, downs] = ranges.map((lows) => lows.filter((low) => low > 0).length);
  const unclear = upEffective.length + downEffective.length - (ups ?? 0) - (downs ?? 0);
  const first = ranges.flat().some((low) => !Number.isNaN(low))
    ? `${ofTypes(ups ?? 0, downs ?? 0)}, by 95 % intervals above 0.${unclear === 0 ? '' : ` ${unclear === 1 ? 'The gain of one other is above 0 too' : `The gains of ${unclear} others are above 0 too`}, which chance alone may give.`}`
    : `${ofTypes(upEffective.length, downEffective.length)}; too few prompts for intervals, so chance alone may give that.`;
  if (!heldOut) return first;
  const { chosen = [], best = 1, direction } = result;
  if (direction === null) return `${first} No head helps, so none is tuned.`;
  if (best === 1) return `${first} Tuned together, the best ${headsWords(chosen.length)} do no better than gamma 1.`;
  const tuned = `With gamma ${threeDigits(best)} on the best ${headsWords(chosen.length)}`;
  const { before, change, n } = heldOut;
  if (change === 0) {
    const [plain, changed] = (result.methods ?? []).map(({ logProbability }) => threeDigits(logProbability));
    return `${first} ${tuned} the accuracy on ${heldOutWords(n)} stays at ${percent(before)}; the mean ln p of the answer goes from ${plain} to ${changed}.${before === 1 ? ' The plain model answers all of them: a harder task would show more.' : ''}`;
  }
  return `${first} ${tuned} ${changeWords(heldOut)}`;
}

/** Lower end of the interval of a head's gain; NaN where there is none. */
const lowOf =
  (range: Partial<ZeroTuningResult>['upRange']) =>
  ({ layer, head }: HeadPlace): number =>
    range?.low[layer]?.[head] ?? Number.NaN;

export function offers({ chosen, best, heldOut, target }: ZeroTuningResult): readonly Offer[] {
  if (chosen.length === 0 || best === 1) return [];
  return [
    {
      title: `Gamma ${threeDigits(best)} on the first token of ${headsWords(chosen.length)}`,
      description: `Adds ln ${threeDigits(best)} to the scores of key 0, chosen by ${target === 'entropy' ? 'the least mean entropy' : 'the answers'} of the calibration prompts; accuracy on ${heldOutWords(heldOut.n)} ${percent(heldOut.before)} before and ${percent(heldOut.after)} after.`,
      interventions: chosen.map(({ layer, head }) => ({
        kind: 'bias',
        layer,
        head,
        keys: { start: 0, end: 1 },
        bias: Number(biasOf(best).toPrecision(6)),
      })),
    },
  ];
}
