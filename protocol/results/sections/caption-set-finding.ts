/** The finding of the analysis `divergence-set`. */
import { counted, percent } from '../../wire/number-words';
import type { CaptionSetScore, ShareChange } from '../hallucination-schema';
import { isMoreThanNoise, pointsOf } from '../share-change';
import type { SetResult } from '../caption-set-result';
import { variantName } from './variant-name';

export function setFinding(result: Partial<SetResult>): string {
  const { plain, variants = [], entries = [], failures = [], total, separation } = result;
  const [failed] = failures;
  if (failed && failures.length === total) return `No picture could be captioned. ${failed.name}: ${failed.why}`;
  if (!plain || entries.length === 0) return 'No picture has been captioned yet.';
  const of = total !== undefined && total > entries.length ? ` of ${total}` : '';
  const pictures = `${entries.length}${of} ${total === 1 ? 'picture' : 'pictures'}`;
  const share =
    plain.chairS === null
      ? `${pictures} captioned.`
      : `${pictures}: ${(100 * plain.chairS).toFixed(1)} % of the plain captions name an object that is not there.`;
  const [first] = variants;
  return [
    share,
    ...(first?.change ? [changeWords(variantName(first), first.change.chairS)] : []),
    ...(first ? recallWords(plain, first) : []),
    ...apartWords(separation),
    ...unfinishedWords(plain, variants),
  ].join(' ');
}

function recallWords({ recall: before }: CaptionSetScore, { score: { recall } }: SetResult['variants'][number]) {
  return before === null || recall === null
    ? []
    : [`It names ${percent(recall)} of the objects that are there instead of ${percent(before)}.`];
}

const apartWords = (separation: SetResult['separation'] | undefined) =>
  typeof separation?.auroc === 'number'
    ? [`T-VHD separates such words from true ones with AUROC ${separation.auroc.toFixed(2)}.`]
    : [];

/** They are scored as far as they go. */
function unfinishedWords(plain: CaptionSetScore, variants: SetResult['variants']): readonly string[] {
  const scores = [plain, ...variants.map(({ score }) => score)];
  const cut = scores.reduce((sum, { unfinished = 0 }) => sum + unfinished, 0);
  const all = scores.reduce((sum, { captions }) => sum + captions, 0);
  return cut === 0 ? [] : [`${cut} of ${counted(all, 'caption', 'captions')} stopped at the token limit, unfinished.`];
}

function changeWords(name: string, change: ShareChange | null): string {
  if (change === null) return `With ${name} too few captions changed for an interval.`;
  const more = isMoreThanNoise(change) ? 'more than noise' : 'no more than noise';
  return `With ${name} that share changes by ${pointsOf(change)} percentage points, 95 % interval: ${more}.`;
}
