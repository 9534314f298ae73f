/** What a result of the analysis `heads` shows. */
import type { HeadsMeasured } from '../labelled-heads';
import type { Section } from '../../sections/section';
import type { HeadPlace } from '../../schema/written-form';
import { labelSections } from './labels';
import * as build from '../../sections/builders';

/** The table of them: heads of larger models are in the grid. */
const listed = 1024;

export function headsSections(result: Partial<HeadsMeasured>): readonly Section[] {
  const { classes, labelScores, ...measured } = result;
  const [grid, ...more] = labelSections(labelScores && classes ? { ...measured, classes, labelScores } : measured);
  return [...(grid ? [grid] : []), ...lastQuery(result), ...more];
}

/** The key that the last query of each head reads most. */
function lastQuery({ topKeys = [], texts = [] }: Partial<HeadsMeasured>): readonly Section[] {
  const rows = topKeys.flatMap((layer, at) =>
    layer.flatMap((keys, head) => {
      const [first] = keys;
      return first ? [{ layer: at, head, ...first }] : [];
    }),
  );
  if (rows.length === 0 || rows.length > listed) return [];
  return [
    build.table(
      lastQueryId,
      'What the last token reads most',
      undefined,
      rows,
      [
        build.head(),
        build.count('key', 'Position', 'The position of the key, from 0.'),
        build.text('token', 'Token', ({ key }) => texts[key] ?? ''),
        build.number('weight', 'Weight', 'p(T-1, j): the probability that the last query gives the key.'),
      ],
      { ask: 'Show its attention' },
    ),
  ];
}

export const lastQueryId = 'last-query';

/** The head of a row of the table. */
export const headInRow = ({ topKeys = [] }: HeadsMeasured, row: number): HeadPlace | undefined =>
  topKeys.flatMap((layer, at) => layer.flatMap((keys, head) => (keys[0] ? [{ layer: at, head }] : [])))[row];
