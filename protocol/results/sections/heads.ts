/** What a result of the analysis `heads` shows. */
import type { HeadsMeasured } from '../labelled-heads';
import type { Section } from '../../sections/section';
import type { HeadPlace } from '../../schema/written-form';
import { bothTexts, crossSection, encoderSections } from './cross-heads';
import { isLabelled } from './label-finding';
import { effectiveSections, withoutAttention } from './effective';
import { labelSections } from './labels';
import { quotedToken } from '../../wire/token-name';
import { threeDigits } from '../../wire/number-words';
import { readThumbnails, picturesOf } from '../thumbnails';
import { readoutSections } from './readout';
import * as build from '../../sections/builders';

/** The table of them: heads of larger models are in the grid. */
const listed = 1024;

export function headsSections(result: Partial<HeadsMeasured>): readonly Section[] {
  const { classes, thumbnails, encoder, cross, ...measured } = result;
  const [grid, ...more] = labelSections(classes && isLabelled(result) ? { ...measured, classes } : measured);
  const pictures = thumbnails && picturesOf(readThumbnails(thumbnails), result.tokens ?? thumbnails.size);
  const { effective } = result;
  const without = effective && { without: withoutAttention(effective) };
  const own =
    grid?.kind === 'heads'
      ? [{ ...grid, asksAtOnce: true, ...(pictures ? { pictures } : {}), ...without }]
      : grid && !effective
        ? [grid]
        : [];
  if (!cross) {
    return [
      ...own,
      ...effectiveSections(result),
      ...readoutSections(result),
      ...routedExperts(result),
      ...lastQuery(result),
      ...more,
    ];
  }
  const [ofEncoder, ...moreOfEncoder] = encoder ? encoderSections(encoder) : [];
  const sizes = [result.texts?.length ?? 0, encoder?.tokens ?? 0] as const;
  return [
    ...bothTexts(result),
    ...(ofEncoder ? [ofEncoder] : []),
    ...own.map((section) => ({ ...section, title: 'Decoder' })),
    crossSection(cross, sizes),
    ...readoutSections(result),
    ...routedExperts(result),
    ...lastQuery(result),
    ...more,
    ...moreOfEncoder,
  ];
}

/** Which experts the tokens take, in a model that has some. */
function routedExperts({
  experts = [],
  texts = [],
  tokens = texts.length,
}: Partial<HeadsMeasured>): readonly Section[] {
  if (experts.length === 0) return [];
  return [
    {
      kind: 'experts',
      id: 'experts',
      title: 'Routed experts',
      caption:
        'The experts that each token uses, and their weights. Bars: share of all choices; below: entropy of the router by layer.',
      tokens: texts.slice(0, experts[0]?.chosen.length ?? 0),
      of: tokens,
      layers: experts,
    },
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
