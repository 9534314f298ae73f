/** What a result of the analysis `heads` shows. */
import type { HeadsMeasured } from '../labelled-heads';
import type { Section } from '../../sections/section';
import type { HeadPlace } from '../../schema/written-form';
import { isLabelled } from './label-finding';
import { labelSections } from './labels';
import { quotedToken } from '../../wire/token-name';
import { threeDigits } from '../../wire/number-words';
import { readThumbnails, picturesOf } from '../thumbnails';
import * as build from '../../sections/builders';

/** The table of them: heads of larger models are in the grid. */
const listed = 1024;

export function headsSections(result: Partial<HeadsMeasured>): readonly Section[] {
  const { classes, thumbnails, ...measured } = result;
  const [grid, ...more] = labelSections(classes && isLabelled(result) ? { ...measured, classes } : measured);
  const pictures = thumbnails && picturesOf(readThumbnails(thumbnails), result.tokens ?? thumbnails.size);
  return [
    ...(grid ? [{ ...grid, asksAtOnce: true, ...(pictures ? { pictures } : {}) }] : []),
    ...lastQuery(result),
    ...more,
  ];
}

/** Weights below it are not named. */
const leastNamed = 0.01;

/** The key that the last query of each head reads most. */
function lastQuery({ topKeys = [], texts = [] }: Partial<HeadsMeasured>): readonly Section[] {
  const rows = topKeys.flatMap((layer, at) =>
    layer.flatMap((keys, head) => {
      const [first] = keys;
      return first ? [{ layer: at, head, keys, ...first }] : [];
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
        build.text(
          'then',
          'Then',
          ({ keys }) =>
            keys
              .slice(1)
              .filter(({ weight }) => weight >= leastNamed)
              .map(({ key, weight }) => `${quotedToken(texts[key] ?? '')} at ${key}: ${threeDigits(weight)}`)
              .join(', '),
          `The keys that it reads most after that one, with their weights: at most 3, of at least ${leastNamed}.`,
        ),
      ],
      { ask: 'Show its attention' },
    ),
  ];
}

export const lastQueryId = 'last-query';

/** The head of a row of the table. */
export const headInRow = ({ topKeys = [] }: HeadsMeasured, row: number): HeadPlace | undefined =>
  topKeys.flatMap((layer, at) => layer.flatMap((keys, head) => (keys[0] ? [{ layer: at, head }] : [])))[row];
