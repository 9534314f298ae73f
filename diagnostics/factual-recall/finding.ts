/** What a result says in a few sentences, and what a person can do with it elsewhere. */
import type { Offer } from '../../protocol/analysis/analysis';
import { partName } from '../effects/parts';
import { counted, threeDigits } from '../words';
import { interventionsOf } from './correction';
import type { MlpFound, RecallResult } from './result';

/** Heads that a sentence names. */
const named = 3;

export function finding(result: Partial<RecallResult>): string {
  const sentences = [moved(result), explained(result), lowered(result), correctedWords(result)].filter(
    (one) => one !== '',
  );
  if (sentences.length === 0) return 'Nothing is known yet.';
  const { longAnswers = 0, prompts = 0 } = result;
  const long =
    longAnswers === 0
      ? ''
      : `Of ${longAnswers} of ${counted(prompts, 'prompt', 'prompts')} the answer is several tokens: the first alone is looked at.`;
  return [...sentences, long].filter((one) => one !== '').join(' ');
}

function moved({ movers, heads, topicRank, answerRank }: Partial<RecallResult>): string {
  if (!movers || !heads) return '';
  const size = ({ layer, head }: { readonly layer: number; readonly head: number }): number =>
    heads.effect[layer]?.[head] ?? 0;
  const largest = [...movers].sort((a, b) => size(b) - size(a)).slice(0, named);
  const names = largest.map((place) => `${partName(place)} (${threeDigits(size(place))})`).join(', ');
  const head =
    movers.length === 0
      ? 'No single head carries the answer beyond chance.'
      : `${counted(movers.length, 'head carries', 'heads carry')} the answer to the last position, first of all ${names}.`;
  const first = (curve: typeof topicRank): string | undefined => {
    const at = curve?.median.findIndex((rank) => rank <= 1) ?? -1;
    return at < 0 ? undefined : pointWords(at);
  };
  const [topic, answer] = [first(topicRank), first(answerRank)];
  const lens = [
    topic === undefined ? 'the topic never leads there' : `the topic first leads ${topic}`,
    answer === undefined ? 'the answer never does' : `the answer ${answer}`,
  ].join(', ');
  return `${head} By the logit lens ${lens}.`;
}

const pointWords = (at: number): string =>
  at === 0
    ? 'in the embedding'
    : `behind the ${at % 2 === 1 ? 'attention' : 'MLP'} of layer ${Math.floor((at - 1) / 2)}`;

/** The MLP for which single heads explain most more than their sum, on held-out prompts. */
export const mostGained = (mlps: readonly MlpFound[]): MlpFound | undefined =>
  [...mlps].sort((a, b) => b.heldR2 - b.summedHeldR2 - (a.heldR2 - a.summedHeldR2))[0];

function explained({ mlps, heldBy }: Partial<RecallResult>): string {
  const one = mlps && mostGained(mlps);
  if (!one) return '';
  const { layer, heldR2, summedHeldR2 } = one;
  const held = heldBy === 'template' ? 'held-out templates' : 'held-out prompts';
  return heldR2 > summedHeldR2
    ? `Weights of single heads explain the MLP of layer ${layer} better than all heads together: R² ${threeDigits(heldR2)} against ${threeDigits(summedHeldR2)} on ${held}.`
    : `On ${held} no MLP is explained better by single heads than by all heads together.`;
}

function lowered({ suppression }: Partial<RecallResult>): string {
  if (!suppression) return '';
  const { lowered: share, last } = suppression;
  const certain = Number.isNaN(last.low) || Math.sign(last.low) === Math.sign(last.high);
  const words = last.mean < 0 ? 'lowers' : 'raises';
  return `The last layer lowers the right answer in ${Math.round(100 * share.value)} % of the prompts; on average it ${certain ? `${words} it by ${threeDigits(Math.abs(last.mean))} logits` : 'changes it by nothing that can be told from 0'}.`;
}

function correctedWords({ corrected, neutral }: Partial<RecallResult>): string {
  const at = corrected?.findIndex(({ name }) => name === 'both') ?? -1;
  const [before, after] = [corrected?.[0], corrected?.[at]];
  if (!before || !after) return '';
  const { low, high } = after.change;
  const told = low > 0 || high < 0 ? '' : ' (no significant change)';
  const text = neutral?.[at];
  const harm = text ? ` The loss on neutral text changes by ${threeDigits(text.change)} nats a token.` : '';
  return `The correction takes the probability of the answer from ${threeDigits(before.probability.mean)} to ${threeDigits(after.probability.mean)} on held-out prompts${told}.${harm}`;
}

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
