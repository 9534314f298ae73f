import type { Offer } from '../../../protocol/analysis/schema';
import { quotedToken } from '../../../protocol/wire/token-name';
import { changeWords, headsWords, heldOutWords } from '../../shared/labelled-heads/words';
import { counted, percent, signed, threeDigits } from '../../../protocol/wire/number-words';
import { interventionOf, ruleOf } from './calibration';
import { chosenName, type ActMethod, type ActResult } from './result';

type Partly = Partial<ActResult>;

/** `column strength above 5 / n` */
export const ruleWords = ({ rule, alpha = Number.NaN, strength = Number.NaN }: Partly): string =>
  `column strength above ${rule === 'strength' ? strength : `${alpha} / n`}`;

function gainWords({ gain, gainLow, gainHigh }: ActMethod): string {
  const interval = Number.isNaN(gainLow) ? '' : ` (95 % interval ${signed(gainLow)} to ${signed(gainHigh)})`;
  const clear = gainLow > 0 || gainHigh < 0 ? '' : ', as chance alone may give';
  return `the mean ln p of the answer changes by ${signed(gain)} nats${interval}${clear}`;
}

export function finding(result: Partly): string {
  const { kinds, headsWithSinks, heads = 0, tried, triedWithSinks = 0, chosen, beta = 1, heldOut, margin } = result;
  if (!kinds || headsWithSinks === undefined) return 'Nothing is measured yet.';
  if (headsWithSinks === 0) {
    return `No head has a later sink on these prompts (${ruleWords(result)}), so there is nothing to calibrate.`;
  }
  const [most] = kinds;
  const first = `${headsWithSinks} of ${headsWords(heads)} have later sinks (${ruleWords(result)})${most ? `, most often at ${quotedToken(most.text)}` : ''}.`;
  if (tried === undefined || !chosen || !heldOut) return first;
  const alone = `Calibrated alone, ${chosen.length} of ${counted(triedWithSinks, 'head with sinks gains', 'heads with sinks gain')} more than ${counted(margin ?? 1, 'standard error', 'standard errors')}`;
  if (chosen.length === 0) return `${first} ${alone}, so none is calibrated.`;
  const together = `With beta ${threeDigits(beta)} in ${chosen.length === 1 ? 'this head' : 'these heads'}`;
  if (heldOut.change === 0) {
    const own = (result.methods ?? []).find(({ name }) => name === chosenName);
    return `${first} ${alone}. ${together} the accuracy on ${heldOutWords(heldOut.n)} stays at ${percent(heldOut.before)}${own ? `; ${gainWords(own)}` : ''}.`;
  }
  return `${first} ${alone}. ${together} ${changeWords(heldOut)}`;
}

export function offers({ chosen, rule, alpha, strength, beta, heldOut, calibration }: ActResult): readonly Offer[] {
  if (chosen.length === 0 || beta === 1) return [];
  const { n, before, after } = heldOut;
  return [
    {
      title: `Later sinks of ${headsWords(chosen.length)} calibrated, beta ${threeDigits(beta)}`,
      description: `These heads keep ${percent(beta)} of their attention on later sinks and give the rest to their other keys; chosen by ${counted(calibration, 'calibration prompt', 'calibration prompts')}; accuracy on ${heldOutWords(n)} ${percent(before)} before and ${percent(after)} after.`,
      interventions: [interventionOf(chosen, ruleOf({ alpha, strength }, rule), beta)],
    },
  ];
}
