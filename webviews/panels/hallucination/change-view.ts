/** What reinforcement changed on the same pictures: each score with the 95 % interval of its paired difference. */
import { html, nothing, type TemplateResult } from 'lit';
import type { HallucinationSet, ShareChange } from '../../../protocol/results/hallucination-schema';
import { isMoreThanNoise, signedPoints } from '../../../protocol/results/share-change';
import { type Column, countColumn, table, textColumn } from '../../ui/table';
import { variantName } from './variant-words';

export interface ChangeRow {
  readonly name: string;
  readonly score: string;
  /** Null where too few pictures changed for an interval. */
  readonly change: ShareChange | null;
}

export const changeRows = ({ variants }: Pick<HallucinationSet, 'variants'>): readonly ChangeRow[] =>
  variants.flatMap(({ reinforcement, change }) => {
    if (!change || change.pictures === 0) return [];
    const row = (score: string, of: ShareChange | null): ChangeRow => ({
      name: variantName(reinforcement),
      score,
      change: of,
    });
    return [row('CHAIR_S', change.chairS), row('CHAIR_I', change.chairI), row('Recall', change.recall)];
  });

const intervalOf = ({ change }: Pick<ChangeRow, 'change'>): string =>
  change ? `${signedPoints(change.low)} to ${signedPoints(change.high)}` : 'too few pictures changed';

const verdictOf = (change: ShareChange): string => (isMoreThanNoise(change) ? 'more than noise' : 'no more than noise');

const intervalHint =
  'Intervals of the paired difference over pictures: CHAIR_S by Tango’s score interval, CHAIR_I and recall by the jackknife with Student’s t, from six pictures that changed on. An interval that leaves 0 out is more than noise.';

export const changeColumns: readonly Column<ChangeRow>[] = [
  textColumn('captions', 'Captions', ({ name }) => name),
  textColumn('score', 'Score', ({ score }) => score),
  countColumn('change', 'Change', ({ change }) => (change ? change.difference * 100 : undefined), {
    unit: 'points',
    hint: 'Reinforced minus plain on the same pictures, in percentage points.',
    text: ({ change }) => (change ? signedPoints(change.difference) : '–'),
  }),
  textColumn('interval', '95 % interval', intervalOf, { hint: intervalHint }),
  textColumn(
    'verdict',
    'More than noise',
    ({ change }) => (change ? (isMoreThanNoise(change) ? 'yes' : 'no') : undefined),
    { hint: intervalHint },
  ),
];

/** 300 px hold three columns: the captions stand under their score, the verdict under the interval. */
const narrow = (one: boolean): readonly Column<ChangeRow>[] =>
  changeColumns.flatMap((column) => {
    switch (column.id) {
      case 'score':
        return [one ? column : { ...column, cell: ({ score, name }) => twoLines(score, name) }];
      case 'interval':
        return [
          { ...column, cell: (row) => twoLines(intervalOf(row), row.change ? verdictOf(row.change) : undefined) },
        ];
      default:
        return column.id === 'change' ? [column] : [];
    }
  });

const twoLines = (first: string, second: string | undefined): TemplateResult =>
  html`${first}${second === undefined ? nothing : html`<br /><span class="reason">${second}</span>`}`;

export function changeView({ variants }: HallucinationSet, compact: boolean): TemplateResult | typeof nothing {
  const rows = changeRows({ variants });
  if (rows.length === 0) return nothing;
  const one = variants.length === 1;
  return html`<section class="set-change" aria-label="What reinforcement changed">
    <h2>
      What reinforcement changed
      <span class="muted"
        >${one ? `${(rows[0]?.name ?? '').toLowerCase()} against plain, ` : ''}picture by picture</span
      >
    </h2>
    ${table({
      caption: 'Change of the scores by reinforcement',
      columns: compact ? narrow(one) : changeColumns.filter(({ id }) => !one || id !== 'captions'),
      rows,
      key: ({ name, score }) => `${name} ${score}`,
    })}
  </section>`;
}

/** `15.0 points more (95 % interval −5.2 to +33.7), no more than noise on 20 pictures`. */
export function changeWords(change: ShareChange, pictures: number): string {
  const { difference, low, high } = change;
  const far =
    difference === 0
      ? 'no change'
      : `${Math.abs(100 * difference).toFixed(1)} points ${difference > 0 ? 'more' : 'less'}`;
  const verdict = `${verdictOf(change)}${isMoreThanNoise(change) ? '' : ` on ${pictures} pictures`}`;
  return `${far} (95 % interval ${signedPoints(low)} to ${signedPoints(high)}), ${verdict}`;
}
