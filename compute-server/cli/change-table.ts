/** What reinforcement changed, with intervals, as `headscope captions` and `headscope pope` print it. */
import type { HallucinationSet, ShareChange } from '../../protocol/results/hallucination-schema';
import { isMoreThanNoise, pointsOf } from '../../protocol/results/share-change';
import { controlName } from './reinforcement-options';
import { textTable } from './table';

export const changeTitle =
  'Change by reinforcement in percentage points, with its 95 % interval; * leaves 0 out: more than noise.';

/** Empty without reinforced captions; otherwise begins with a blank line. */
export function changeTable(variants: HallucinationSet['variants']): string {
  const rows = variants.flatMap(({ reinforcement, change }) =>
    change && change.pictures > 0
      ? [
          [
            String(reinforcement.alpha),
            controlName(reinforcement),
            changeCell(change.chairS),
            changeCell(change.chairI),
            changeCell(change.recall),
          ],
        ]
      : [],
  );
  if (rows.length === 0) return '';
  const table = textTable(['alpha', 'heads', 'CHAIR_S', 'CHAIR_I', 'recall'], rows, [0]);
  return `\n\n${changeTitle}\n${table}`;
}

export const changeCell = (change: ShareChange | null): string =>
  change === null ? 'too few changed' : `${pointsOf(change)}${isMoreThanNoise(change) ? ' *' : ''}`;
