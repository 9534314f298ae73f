/** What a result of the analysis `heads` shows of an encoder-decoder: both texts, and the grids of its encoder and its cross-attention. */
import type { HeadsMeasured, StackMeasured } from '../labelled-heads';
import type { HeadsSection } from '../../sections/heads';
import type { Section } from '../../sections/section';
import type { TokensSection } from '../../sections/tokens';
import { crossLabels, crossLabelWords, crossStatisticInfos, type CrossHeads } from '../cross-heads';
import { picturesOf, readThumbnails } from '../thumbnails';
import * as build from '../../sections/builders';
import { labelSections } from './labels';

export const encoderId = 'encoder';
export const encoderLabelledId = 'encoder-labelled';
export const crossId = 'cross';
const sourceId = 'source';
const targetId = 'target';

const askWords = 'Show its attention';

/** Source and target, whose tokens are looked at in all grids. */
export function bothTexts({ encoder, texts = [], written = 0 }: Partial<HeadsMeasured>): readonly TokensSection[] {
  const own = texts.length - written;
  return [
    ...(encoder
      ? [
          {
            ...({ kind: 'tokens', id: sourceId, title: 'Source', side: 'source' } as const),
            caption:
              'A token that is pointed at or chosen is marked in the grids of the encoder and of cross-attention.',
            tokens: encoder.texts,
            numbers: [],
          },
        ]
      : []),
    {
      ...({ kind: 'tokens', id: targetId, title: 'Target', side: 'target' } as const),
      caption: `A token that is pointed at or chosen is marked in the grids of the decoder and of cross-attention.${written > 0 ? ' The marked ones the model wrote itself: the most probable each time.' : ''}`,
      tokens: texts,
      numbers: [],
      ...(written > 0
        ? { classes: { names: ['written by the model'], of: texts.map((_, at) => (at < own ? -1 : 0)) } }
        : {}),
    },
  ];
}

/** The grid of the encoder, and its labels. */
export function encoderSections(encoder: StackMeasured): readonly Section[] {
  const { thumbnails, labelScores, ...measured } = encoder;
  const [grid, ...more] = labelSections({ ...measured, ...(labelScores ? { labelScores } : {}) });
  if (grid?.kind !== 'heads') return [];
  const pictures = thumbnails && picturesOf(readThumbnails(thumbnails), encoder.tokens);
  const labelled = more.find(({ id }) => id === 'labelled');
  return [
    {
      ...grid,
      ...({ id: encoderId, title: 'Encoder', stack: 'encoder' } as const),
      caption: `Statistics and labels of each head of the encoder on the source (${encoder.tokens} tokens), which it reads in both directions.`,
      asksAtOnce: true,
      ...(pictures ? { pictures } : {}),
    },
    ...(labelled && encoder.classes.length > 0
      ? [{ ...labelled, id: encoderLabelledId, title: 'Labelled heads of the encoder' }]
      : []),
  ];
}

/** Rows of the target by columns of the source. */
export function crossSection(
  { statistics, classes, thumbnails }: CrossHeads,
  [target, source]: readonly [number, number],
): HeadsSection {
  const pictures = thumbnails && picturesOf(readThumbnails(thumbnails), thumbnails.size);
  return {
    ...build.heads(
      crossId,
      'Cross-attention',
      `What each head of the decoder reads of the source: ${target} tokens of the target by ${source} of the source. Every row reads every token, so no label speaks of what is before or behind.`,
      crossStatisticInfos.map(({ id, title, unit = '', definition }) =>
        id === 'order'
          ? build.scaled({ kind: 'diverging', min: -1, max: 1 }, id, title, definition, statistics[id] ?? [])
          : build.amounts(id, title, definition, statistics[id] ?? [], unit),
      ),
      {
        ask: askWords,
        stack: 'cross',
        classes: crossLabels.map((label, at) => {
          const { title, letter, shape, of } = crossLabelWords[label];
          const heads = classes.filter((one) => one.label === label);
          const info = crossStatisticInfos.find(({ id }) => id === of);
          return build.headClass(
            label,
            title,
            `${info?.definition ?? ''} At least half of the way from what a head gives that reads all of the source alike to 1.`,
            heads.map(({ layer, head }) => ({ layer, head })),
            { letter, look: { colour: at, shape }, scores: heads.map(({ score }) => score) },
          );
        }),
        marked: uniqueHeads(classes),
      },
    ),
    asksAtOnce: true,
    ...(pictures ? { pictures } : {}),
  };
}

const uniqueHeads = (classes: CrossHeads['classes']) => [
  ...new Map(classes.map(({ layer, head }) => [`${layer}.${head}`, { layer, head }])).values(),
];
