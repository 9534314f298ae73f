/** The finding of the analysis `divergence`, and what of it can be applied elsewhere. */
import type { Offer } from '../../analysis/schema';
import { headName } from '../../schema/written-form';
import { reinforcedCaptions, type DivergenceResult, type MeasuredCaption } from '../divergence-result';
import { firstDifference } from './divergence-captions';
import { affected, removedWords, strongest } from './ranked-heads';

/** One prompt and one token: nothing is said of the model at large. */
export function divergenceFinding(result: Partial<DivergenceResult>): string {
  const { vhd, caption } = result;
  if (!vhd) return 'Nothing has been measured yet.';
  return [headsWords(result, vhd), ...(caption ? [judgedWords(caption), reinforcedWords(result, caption)] : [])]
    .filter((sentence) => sentence !== undefined)
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
  const most = `${headName(first)} (VHD ${significant(first.vhd)})`;
  return length === 1
    ? `Without ${what}, ${most} changes most of ${of} heads at the first token; the others change less than half as much.`
    : `Without ${what}, ${length} of ${of} heads change at the first token by at least half of the largest change, that of ${most}.`;
}

/** Undefined where the caption was not judged, or names no object. */
function judgedWords({ score, mentions = [] }: MeasuredCaption): string | undefined {
  if (!score || score.mentions === 0) return undefined;
  const wrong = [...new Set(mentions.filter(({ inTruth }) => inTruth === false).map(({ object }) => object))];
  if (wrong.length === 0) return 'All objects that the caption names are in the picture.';
  const named = wrong.length > 3 ? `${wrong.slice(0, 3).join(', ')}, …` : wrong.join(', ');
  return `The caption names ${wrong.length === 1 ? 'an object that is' : `${wrong.length} objects that are`} not in the picture: ${named}.`;
}

/** What reinforcement did, without its controls; undefined where there was none. */
function reinforcedWords(result: Partial<DivergenceResult>, caption: MeasuredCaption): string | undefined {
  const reinforced = reinforcedCaptions(result).find(
    ({ reinforcement }) => reinforcement.heads === 'selected' && !reinforcement.normMatched,
  );
  if (!reinforced) return undefined;
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

const significant = (value: number): string => String(Number(value.toPrecision(3)));

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
