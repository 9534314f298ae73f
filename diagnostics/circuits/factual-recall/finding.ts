/** What a result says in a few sentences, and what a person can do with it elsewhere. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Offer } from '../../../protocol/analysis/schema';
import { partName } from '../../shared/effects/parts';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import { interventionsOf } from './correction';
import type { MlpFound, RecallResult } from './result';
import type { MeasuredMean } from '../../shared/statistics/proportion';

/** Heads that a sentence names. */
const named = 3;

export function finding(result: Partial<RecallResult>): string {
  const sentences = [moved(result), lowered(result), correctedWords(result), long(result)].filter((one) => one !== '');
  return sentences.length === 0 ? 'Nothing is known yet.' : sentences.join(' ');
}

function moved({ movers, heads, answerRank }: Partial<RecallResult>): string {
  if (!movers || !heads) return '';
  const size = ({ layer, head }: HeadPlace): number => heads.effect[layer]?.[head] ?? 0;
  const largest = [...movers].sort((a, b) => size(b) - size(a)).slice(0, named);
  const names = largest.map((place) => `${partName(place)} (${threeDigits(size(place))})`).join(', ');
  const at = answerRank?.median.findIndex((rank) => rank <= 1) ?? -1;
  const leads = at < 0 ? '' : ` The answer leads first ${pointWords(at)}.`;
  if (movers.length === 0) return `No single head carries the answer beyond chance.${leads}`;
  const first = movers.length > largest.length ? ', first of all' : ':';
  return `${counted(movers.length, 'head carries', 'heads carry')} the answer to the last position${first} ${names}.${leads}`;
}

const pointWords = (at: number): string =>
  at === 0
    ? 'in the embedding'
    : `behind the ${at % 2 === 1 ? 'attention' : 'MLP'} of layer ${Math.floor((at - 1) / 2)}`;

/** The MLP for which single heads explain most more than their sum, on held-out prompts. */
export const mostGained = (mlps: readonly MlpFound[]): MlpFound | undefined =>
  [...mlps].sort((a, b) => b.heldR2 - b.summedHeldR2 - (a.heldR2 - a.summedHeldR2))[0];

function lowered({ suppression }: Partial<RecallResult>): string {
  if (!suppression) return '';
  const { last, lastMargin } = suppression;
  const words = ({ mean, low, high }: MeasuredMean): string =>
    low <= 0 && high >= 0
      ? 'leaves it as it is, as far as can be measured,'
      : `${mean < 0 ? 'lowers' : 'raises'} it by ${threeDigits(Math.abs(mean))} logits`;
  return `Directly, the last layer ${words(last)} on average; against the other answers it ${words(lastMargin).replace(/,$/u, '')}.`;
}

function correctedWords({ corrected, neutral }: Partial<RecallResult>): string {
  const at = corrected?.findIndex(({ name }) => name === 'both') ?? -1;
  const [before, after] = [corrected?.[0], corrected?.[at]];
  if (!before || !after) return '';
  const { low, high } = after.change;
  if (!(low > 0 || high < 0))
    return 'Taking suppression out changes the probability of the answer by nothing significant.';
  const text = neutral?.[at];
  const harm = text ? `, and the loss on neutral text by ${threeDigits(text.change)} nats a token` : '';
  return `Taking suppression out changes the probability of the answer from ${threeDigits(before.probability.mean)} to ${threeDigits(after.probability.mean)} on held-out prompts${harm}.`;
}

const long = ({ longAnswers = 0, prompts = 0 }: Partial<RecallResult>): string =>
  longAnswers === 0
    ? ''
    : `In ${longAnswers} of ${counted(prompts, 'prompt', 'prompts')} the answer is several tokens: only the first is looked at.`;

export function offers({ corrected, suppressing, suppression }: RecallResult): readonly Offer[] {
  const layer = (suppression?.layers.length ?? 0) - 1;
  if (!corrected || !suppressing || layer < 0) return [];
  return ['both', 'heads alone', 'MLP alone'].flatMap((name): Offer[] => {
    const setting = corrected.find((one) => one.name === name);
    const interventions = setting ? interventionsOf(suppressing, layer, setting) : [];
    if (!setting || interventions.length === 0) return [];
    return [
      {
        title: `Without suppression in the last layer (${name})`,
        description: [
          ...(setting.gain === 1
            ? []
            : [
                `Gain ${setting.gain} for ${counted(suppressing.length, 'head', 'heads')} of the last layer that lower the right answer on the prompts of the fit.`,
              ]),
          ...(setting.share === 0
            ? []
            : [`The last MLP loses ${threeDigits(100 * setting.share)} % of what lowers the leading token.`]),
        ].join(' '),
        interventions,
      },
    ];
  });
}
