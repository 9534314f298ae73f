/** The finding of the analysis `divergence`. */
import { affected, removedWords, strongest } from '../../../protocol/results/sections/ranked-heads';
import { reinforcedCaptions, type DivergenceResult } from '../../../protocol/results/divergence-result';
import { firstDifference } from '../../../protocol/results/sections/divergence-captions';
import { headName } from '../../../protocol/schema/written-form';

/** One prompt and one token: nothing is said of the model at large. */
export function findingOf(result: Partial<DivergenceResult>): string {
  const { vhd, caption } = result;
  if (!vhd) return 'Nothing has been measured yet.';
  const [first] = strongest(result);
  const what = removedWords(result);
  const of = vhd.reduce((sum, row) => sum + row.length, 0);
  if (!first || !(first.vhd > 0)) {
    return `No head changes at the first token when ${what} is left out, outliers aside.`;
  }
  const { length } = affected(result);
  const most = `${headName(first)} (VHD ${significant(first.vhd)})`;
  const heads =
    length === 1
      ? `Without ${what}, ${most} changes most of ${of} heads at the first token; the others change less than half as much.`
      : `Without ${what}, ${length} of ${of} heads change at the first token by at least half of the largest change, that of ${most}.`;
  const reinforced = reinforcedCaptions(result).find(
    ({ reinforcement }) => reinforcement.heads === 'selected' && !reinforcement.normMatched,
  );
  if (!reinforced || !caption) return heads;
  const changed = firstDifference(caption, reinforced);
  const { alpha } = reinforced.reinforcement;
  return `${heads} ${
    changed === undefined
      ? `Scaled by ${alpha}, the selected heads leave the caption as it is.`
      : `Scaled by ${alpha}, the selected heads change the caption from token ${changed} on.`
  }`;
}

const significant = (value: number): string => String(Number(value.toPrecision(3)));
