/** The finding of the analysis `divergence`, and what of it can be applied elsewhere. */
import type { Offer } from '../../analysis/schema';
import { headName } from '../../schema/written-form';
import { counted, threeDigits } from '../../wire/number-words';
import { reinforcedCaptions, type DivergenceResult, type MeasuredCaption } from '../divergence-result';
import type { ObjectMention } from '../hallucination-schema';
import { firstDifference } from './divergence-captions';
import { affected, removedWords, strongest } from './ranked-heads';
import { median, wordTVhd } from './word-numbers';

/** One prompt and one token: nothing is said of the model at large. */
export function divergenceFinding(result: Partial<DivergenceResult>): string {
  const { vhd, caption } = result;
  if (!vhd) return 'Nothing has been measured yet.';
  return [headsWords(result, vhd), ...(caption ? [wordsFinding(caption), reinforcedWords(result, caption)] : [])]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

function headsWords(result: Partial<DivergenceResult>, vhd: DivergenceResult['vhd']): string {
  const [first] = strongest(result);
  const what = removedWords(result);
  const of = vhd.reduce((sum, row) => sum + row.length, 0);
  if (!first || !(first.vhd > 0)) {
    return `No head changes at the first token when ${what} is left out, outliers aside.`;
  }
  const { length } = affected(result);
  const most = `${headName(first)} (VHD ${threeDigits(first.vhd)})`;
  return length === 1
    ? `Without ${what}, ${most} changes most of ${of} heads at the first token; the others change less than half as much.`
    : `Without ${what}, ${length} of ${of} heads change at the first token by at least half of the largest change, that of ${most}.`;
}

/**
 * The object words that are not in the picture; without a truth, the one that depends least on what was left out. It is compared with
 * other object words alone, by the median of their T-VHD: the true ones where there is a truth. Words that name no object (a, the,
 * and) depend less on a picture by themselves.
 */
function wordsFinding({ tokens, mentions = [], score }: MeasuredCaption): string {
  const words = mentions
    .map((mention) => ({ mention, value: wordTVhd({ tokens }, mention) }))
    .sort((a, b) => a.value - b.value);
  const wrong = words.filter(({ mention }) => mention.inTruth === false);
  const [least] = wrong.length > 0 ? wrong : words;
  if (!least) return '';
  const rest = wrong.length > 0 ? words.filter((one) => !wrong.includes(one)) : words.slice(1);
  const leans = least.value < median(rest.map(({ value }) => value)) ? ' and leans on the language prior' : '';
  const value = `T-VHD ${threeDigits(least.value)}${besideWords(rest, wrong.length > 0)}`;
  if (!score) return leans === '' ? '' : `“${least.mention.word}” leans most on the language prior (${value}).`;
  if (wrong.length === 0) return 'All objects that the caption names are in the picture.';
  const others = wrong.length > 1 ? ` (and ${counted(wrong.length - 1, 'other mention', 'other mentions')})` : '';
  return `“${least.mention.word}”${others} is not in the picture${leans} (${value}).`;
}

/** `, median of the 2 object words in the picture 16.9`. */
function besideWords(
  rest: readonly { readonly mention: ObjectMention; readonly value: number }[],
  inPicture: boolean,
): string {
  const [one] = rest;
  if (!one) return '';
  if (rest.length === 1) return `, “${one.mention.word}” ${threeDigits(one.value)}`;
  const words = inPicture ? 'object words in the picture' : 'other object words';
  return `, median of the ${rest.length} ${words} ${threeDigits(median(rest.map(({ value }) => value)))}`;
}

/** What reinforcement did, without its controls. */
function reinforcedWords(result: Partial<DivergenceResult>, caption: MeasuredCaption): string {
  const reinforced = reinforcedCaptions(result).find(
    ({ reinforcement }) => reinforcement.heads === 'selected' && !reinforcement.normMatched,
  );
  if (!reinforced) return '';
  const changed = firstDifference(caption, reinforced);
  const { alpha } = reinforced.reinforcement;
  if (changed === undefined) return `Scaled by ${alpha}, the selected heads leave the caption as it is.`;
  const [before, now] = [caption.score?.hallucinated, reinforced.score?.hallucinated];
  const judged =
    before === undefined || now === undefined || before === now
      ? ''
      : `; mentions of objects that are not in this picture go from ${before} to ${now}`;
  return `Scaled by ${alpha}, the selected heads change the caption from token ${changed} on${judged}.`;
}

/** The gains of each reinforced caption; those of controls are of no use elsewhere. */
export const divergenceOffers = (result: DivergenceResult): readonly Offer[] =>
  reinforcedCaptions(result).flatMap(({ reinforcement: { heads, normMatched, alpha, layers }, gains }) =>
    heads === 'selected' && !normMatched && gains.length > 0
      ? [
          {
            title: `Heads x ${alpha} that were reinforced here`,
            description: `The ${gains.length} heads selected in the layers ${layers.join(', ')} at the first token of this prompt; they were chosen for this prompt alone.`,
            interventions: gains.map((gain) => ({ kind: 'gain' as const, ...gain })),
          },
        ]
      : [],
  );
