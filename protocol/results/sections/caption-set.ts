/** Sections of captions of a set of pictures. */
import { isMoreThanNoise } from '../share-change';
import type { Caption, CaptionScore, CaptionSetScore, ShareChange } from '../hallucination-schema';
import type { ChartSection } from '../../sections/chart';
import type { Section } from '../../sections/section';
import type { SectionCell, SectionColumn, TableSection } from '../../sections/table';
import type { SetResult } from '../caption-set-result';
import { variantName } from './variant-name';
import { failuresOf } from './unread-pictures';
import { notesOf } from './caption-notes';
import * as build from '../../sections/builders';

/** Pictures whose captions are listed. */
const listed = 1000;

type Variants = SetResult['variants'];
type Entries = SetResult['entries'];

/** As the tables name the captions without scaled heads. */
const plainName = 'plain';

/** What can be asked of a picture, as the words of a button. */
type PicturesAsked = Pick<TableSection, 'ask' | 'opensPictures'>;

export function setSections(result: Partial<SetResult>, more: PicturesAsked = {}): readonly Section[] {
  const { plain, entries = [], variants = [] } = result;
  if (!plain || entries.length === 0) return failuresOf(result);
  return [
    ratesOf(plain, variants),
    ...(variants.some(({ change }) => change && change.pictures > 0) ? [changesOf(variants)] : []),
    ...histogramOf(result),
    picturesOf(entries, variants, more),
    textsOf(entries, variants, more),
    scoresOf(entries, variants),
    ...failuresOf(result),
    ...notesOf(result),
  ];
}

const shareColumn = (name: string, title: string, definition: string): SectionColumn => ({
  ...build.number(name, title, definition),
  as: 'percent',
});

/** Left out of a narrow page. */
const wide = <C extends SectionColumn>(column: C): C => ({ ...column, wide: true });

function ratesOf(plain: CaptionSetScore, variants: Variants): TableSection {
  const row = (name: string, score: CaptionSetScore): SectionCell[] => [
    name,
    score.captions,
    score.chairS,
    score.chairI,
    score.recall,
    score.precision,
    score.f1,
    score.length,
    score.unfinished ?? null,
  ];
  const broken = misleadingWords(plain, variants);
  return build.cellTable(
    'rates',
    'Captions against the truth',
    `A caption that names nothing has a CHAIR of 0: recall and length are part of the score.${broken === undefined ? '' : ` ${broken}`}`,
    [
      build.text('heads', 'heads'),
      wide({ ...build.number('captions', 'captions', 'captions that were scored'), digits: 6 }),
      shareColumn('chairS', 'CHAIR_S', 'captions that name an object which is not there / captions'),
      wide(shareColumn('chairI', 'CHAIR_I', 'mentions of objects that are not there / mentions, pooled')),
      shareColumn('recall', 'recall', 'distinct true objects mentioned / true objects, pooled'),
      wide(
        shareColumn('precision', 'precision', 'distinct true objects mentioned / distinct objects mentioned, pooled'),
      ),
      wide(shareColumn('f1', 'F1', 'harmonic mean of precision and recall')),
      build.number('length', 'words', 'words per caption'),
      wide({
        ...build.number(
          'unfinished',
          'unfinished',
          'captions that were cut at the token limit, scored as far as they go',
        ),
        digits: 6,
      }),
    ],
    [row(plainName, plain), ...variants.map((variant) => row(variantName(variant), variant.score))],
  );
}

/** Fewer words, far more, or far less recall: CHAIR alone would call that a success. */
export function misleadingWords(plain: CaptionSetScore, variants: Variants): string | undefined {
  const worse = variants.find(
    ({ score }) =>
      (plain.length !== null &&
        score.length !== null &&
        (score.length < 0.7 * plain.length || score.length > 1.5 * plain.length)) ||
      (plain.recall !== null && score.recall !== null && score.recall < 0.8 * plain.recall),
  );
  if (!worse) return undefined;
  const words = ({ length, recall }: CaptionSetScore): string =>
    `${length === null ? 'no' : Number(length.toPrecision(3))} words, recall ${recall === null ? 'not known' : `${(100 * recall).toFixed(1)} %`}`;
  return `${variantName(worse)} changes the length or the recall so much (${words(worse.score)}; plain: ${words(plain)}) that its CHAIR says little: the text may be broken.`;
}

const measures = [
  ['chairS', 'CHAIR_S'],
  ['chairI', 'CHAIR_I'],
  ['recall', 'recall'],
] as const;

function changesOf(variants: Variants): TableSection {
  const cells = (change: ShareChange | null): SectionCell[] =>
    change === null
      ? [null, null, null, 'too few changed']
      : [
          change.difference,
          change.low,
          change.high,
          isMoreThanNoise(change) ? 'more than noise' : 'no more than noise',
        ];
  const points = (name: string, title: string, definition: string): SectionColumn => ({
    ...build.number(name, title, definition),
    as: 'points',
  });
  const heads = build.text('heads', 'heads');
  return build.cellTable(
    'changes',
    'Change from the plain captions',
    '95 % intervals over pictures: CHAIR_S by the score interval of paired proportions (Tango), the others by the jackknife.',
    [
      variants.length === 1 ? wide(heads) : heads,
      build.text('measure', 'measure'),
      points('difference', 'change', 'share of the changed captions less that of the plain ones'),
      wide(points('low', 'low', 'lower end of the 95 % interval')),
      wide(points('high', 'high', 'upper end of the 95 % interval')),
      { ...build.text('verdict', 'interval'), definition: 'more than noise: the interval leaves 0 out' },
    ],
    variants.flatMap((variant) => {
      const { change } = variant;
      if (!change) return [];
      return measures.map(([name, title]): SectionCell[] => [variantName(variant), title, ...cells(change[name])]);
    }),
  );
}

function histogramOf({ separation }: Partial<SetResult>): readonly ChartSection[] {
  if (!separation || separation.hallucinated.length + separation.truthful.length === 0) return [];
  const { histogram, auroc, hallucinated, truthful } = separation;
  const { from, to } = histogram;
  const width = (to - from) / Math.max(1, histogram.truthful.length);
  const series = (id: string, title: string, counts: readonly number[]): ChartSection['series'][number] =>
    build.bars(
      id,
      title,
      counts.map((y, at) => ({ x: from + (at + 0.5) * width, y })),
    );
  const chance =
    auroc === null ? '' : `; a hallucinated word lies below a true one with probability ${auroc.toFixed(3)} (AUROC)`;
  return [
    build.chart(
      't-vhd-by-truth',
      'T-VHD of object words',
      `${hallucinated.length} hallucinated and ${truthful.length} true words of the plain captions${chance}.`,
      build.axis('T-VHD'),
      build.axis('Words', '', { min: 0 }),
      [series('hallucinated', 'Hallucinated', histogram.hallucinated), series('truthful', 'True', histogram.truthful)],
    ),
  ];
}

const wrongWords = ({ mentions }: Caption): string =>
  [...new Set(mentions.filter(({ inTruth }) => inTruth === false).map(({ object }) => object))].join(', ');

/** Also of a set whose captions are not all there yet. */
function picturesOf(
  entries: Entries,
  variants: readonly Pick<Variants[number], 'reinforcement'>[],
  more: PicturesAsked = {},
): TableSection {
  const all = [plainName, ...variants.map(variantName)];
  return build.cellTable(
    'pictures',
    'Pictures',
    '',
    [
      build.text('picture', 'picture'),
      build.text('truth', 'objects in it'),
      ...all.flatMap((name, at): SectionColumn[] => [
        build.text(`wrong-${at}`, `named and not there, ${name}`),
        wide(shareColumn(`recall-${at}`, `recall, ${name}`, 'distinct true objects mentioned / true objects')),
      ]),
    ],
    entries
      .slice(0, listed)
      .map(({ name, truth, plain, variants: others }) => [
        name,
        truth.join(', '),
        ...[plain, ...others].flatMap((caption) => [wrongWords(caption), caption.score?.recall ?? null]),
      ]),
    more,
  );
}

const textsOf = (entries: Entries, variants: Variants, more: PicturesAsked): Section => ({
  ...more,
  kind: 'generations',
  id: 'captions',
  title: 'Captions',
  variants: [plainName, ...variants.map(variantName)],
  score: { title: 'CHAIR_I', unit: '' },
  items: entries.slice(0, listed).map(({ name, plain, variants: others }) => ({
    title: name,
    texts: [plain, ...others].map(({ text }) => text),
    scores: [plain, ...others].map(({ score }) => score?.chairI ?? Number.NaN),
  })),
});

interface ScoredCaption {
  readonly picture: string;
  readonly heads: string;
  readonly caption: Caption;
}

/** One row a caption: what the table of pictures has no room for. */
function scoresOf(entries: Entries, variants: Variants): TableSection {
  const all = [plainName, ...variants.map(variantName)];
  const score = (name: keyof CaptionScore, title: string, definition: string) =>
    build.number<ScoredCaption>(name, title, definition, ({ caption }) => caption.score?.[name]);
  return build.table<ScoredCaption>(
    'caption-scores',
    'Scores of each caption',
    '',
    entries
      .slice(0, listed)
      .flatMap(({ name, plain, variants: others }) =>
        [plain, ...others].map((caption, at) => ({ picture: name, heads: all[at] ?? '', caption })),
      ),
    [
      build.text<ScoredCaption>('picture', 'picture', ({ picture }) => picture),
      build.text<ScoredCaption>('heads', 'heads', ({ heads }) => heads),
      score('length', 'words', 'words of the caption'),
      score('mentions', 'objects', 'mentions of objects of the lexicon, repeats counted'),
      score('hallucinated', 'not there', 'mentions whose object is not in the picture'),
      wide(score('chairI', 'CHAIR_I', 'hallucinated mentions / mentions')),
      wide(score('recall', 'recall', 'distinct true objects mentioned / true objects')),
      wide(
        build.number<ScoredCaption>(
          'stopped_at',
          'stopped at',
          'tokens after which it was cut',
          ({ caption }) => caption.stoppedAt,
        ),
      ),
    ],
  );
}

/** A number of two sets. */
export interface ScoreChange {
  /** `Plain, CHAIR_S (%)`. */
  readonly measure: string;
  readonly here: number;
  readonly there: number;
}

type Scores = Pick<SetResult, 'plain' | 'variants' | 'separation'>;

const compared = [
  ['chairS', 'CHAIR_S', '%', 100],
  ['chairI', 'CHAIR_I', '%', 100],
  ['recall', 'Recall', '%', 100],
  ['length', 'Length', 'words', 1],
  ['unfinished', 'Unfinished', 'captions', 1],
  ['precision', 'Precision', '%', 100],
  ['f1', 'F1', '%', 100],
] as const;

/** Every score of the captions that both sets have, and the AUROC; shares in percent. */
export function scoreChanges(here: Scores, there: Scores): readonly ScoreChange[] {
  const rows = ({ plain, variants }: Scores): readonly (readonly [name: string, score: CaptionSetScore])[] => [
    [plainName, plain],
    ...variants.map((variant) => [variantName(variant), variant.score] as const),
  ];
  const others = new Map(rows(there));
  const scores = rows(here).flatMap(([name, mine]) => {
    const theirs = others.get(name);
    return compared.flatMap(([field, title, unit, times]): readonly ScoreChange[] => {
      const [a, b] = [mine[field], theirs?.[field]];
      if (typeof a !== 'number' || typeof b !== 'number') return [];
      return [{ measure: `${name}, ${title} (${unit})`, here: a * times, there: b * times }];
    });
  });
  const [mine, theirs] = [here.separation.auroc, there.separation.auroc];
  return mine === null || theirs === null
    ? scores
    : [...scores, { measure: 'AUROC of T-VHD', here: mine, there: theirs }];
}

/** `title` names the other set. */
export const scoreChangeTable = (title: string, other: string, rows: readonly ScoreChange[]): TableSection =>
  build.table('score-changes', title, '', rows, [
    build.text('measure', 'Score'),
    build.number('here', 'Here', 'score of this set'),
    build.number('there', other, 'score of the other set'),
    {
      ...build.number<ScoreChange>('change', 'Change', 'this set less the other', ({ here, there }) => here - there),
      as: 'signed',
    },
  ]);
