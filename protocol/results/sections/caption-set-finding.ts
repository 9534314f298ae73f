/** The finding of the analysis `divergence-set`. */
import type { ShareChange } from '../hallucination-schema';
import { isMoreThanNoise, pointsOf } from '../share-change';
import type { SetResult } from '../caption-set-result';
import { variantName } from './variant-name';

export function setFinding(result: Partial<SetResult>): string {
  const { plain, variants = [], entries = [], failures = [], total } = result;
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
  return first?.change ? `${share} ${changeWords(variantName(first), first.change.chairS)}` : share;
}

function changeWords(name: string, change: ShareChange | null): string {
  if (change === null) return `With ${name} too few captions changed for an interval.`;
  const more = isMoreThanNoise(change) ? 'more than noise' : 'no more than noise';
  return `With ${name} that share changes by ${pointsOf(change)} percentage points, 95 % interval: ${more}.`;
}
