/** Sections of the analysis `divergence-set`. */
import { isMoreThanNoise } from '../share-change';
import type { Caption, CaptionSetScore, ShareChange } from '../hallucination-schema';
import type { ChartSection } from '../../sections/chart';
import type { Section } from '../../sections/section';
import type { SectionCell, SectionColumn } from '../../sections/table';
import type { SetResult } from '../caption-set-result';
import { variantName } from './variant-name';
import { failuresOf } from './unread-pictures';
import { notesOf } from './caption-notes';
import * as build from '../../sections/builders';

/** Pictures whose captions are listed. */
const listed = 1000;

export function setSections(result: Partial<SetResult>): readonly Section[] {
  const { plain, entries = [], variants = [] } = result;
  if (!plain || entries.length === 0) return failuresOf(result);
  return [
    ratesOf(plain, variants),
    ...(variants.some(({ change }) => change && change.pictures > 0) ? [changesOf(variants)] : []),
    ...histogramOf(result),
    picturesOf(entries, variants),
    textsOf(entries, variants),
    ...failuresOf(result),
    ...notesOf(result),
  ];
}

const shareColumn = (name: string, title: string, definition: string): SectionColumn =>
  build.number(name, title, definition);

function ratesOf(plain: CaptionSetScore, variants: SetResult['variants']) {
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
  return build.cellTable(
    'rates',
    'Captions against the truth',
    'A caption that names nothing has a CHAIR of 0: recall and length are part of the score.',
    [
      build.text('heads', 'heads'),
      { ...build.number('captions', 'captions', 'captions that were scored'), digits: 6 },
      shareColumn('chairS', 'CHAIR_S', 'captions that name an object which is not there / captions'),
      shareColumn('chairI', 'CHAIR_I', 'mentions of objects that are not there / mentions, pooled'),
      shareColumn('recall', 'recall', 'distinct true objects mentioned / true objects, pooled'),
      shareColumn('precision', 'precision', 'distinct true objects mentioned / distinct objects mentioned, pooled'),
      shareColumn('f1', 'F1', 'harmonic mean of precision and recall'),
      build.number('length', 'words', 'words per caption'),
      {
        ...build.number(
          'unfinished',
          'unfinished',
          'captions that were cut at the token limit, scored as far as they go',
        ),
        digits: 6,
      },
    ],
    [row('plain', plain), ...variants.map((variant) => row(variantName(variant), variant.score))],
  );
}

const measures = [
  ['chairS', 'CHAIR_S'],
  ['chairI', 'CHAIR_I'],
  ['recall', 'recall'],
] as const;

function changesOf(variants: SetResult['variants']) {
  const cells = (change: ShareChange | null): SectionCell[] =>
    change === null
      ? [null, null, null, 'too few changed']
      : [
          change.difference,
          change.low,
          change.high,
          isMoreThanNoise(change) ? 'more than noise' : 'no more than noise',
        ];
  return build.cellTable(
    'changes',
    'Change from the plain captions',
    '95 % intervals over pictures: CHAIR_S by the score interval of paired proportions (Tango), the others by the jackknife.',
    [
      build.text('heads', 'heads'),
      build.text('measure', 'measure'),
      shareColumn('difference', 'change', 'share of the changed captions less that of the plain ones'),
      shareColumn('low', 'low', 'lower end of the 95 % interval'),
      shareColumn('high', 'high', 'upper end of the 95 % interval'),
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

function picturesOf(entries: SetResult['entries'], variants: SetResult['variants']) {
  const names = ['plain', ...variants.map(variantName)];
  return build.cellTable(
    'pictures',
    'Pictures',
    '',
    [
      build.text('picture', 'picture'),
      build.text('truth', 'objects in it'),
      ...names.flatMap((name, at): SectionColumn[] => [
        build.text(`wrong-${at}`, `named and not there, ${name}`),
        { ...shareColumn(`recall-${at}`, `recall, ${name}`, 'distinct true objects mentioned / true objects') },
      ]),
    ],
    entries
      .slice(0, listed)
      .map(({ name, truth, plain, variants: others }) => [
        name,
        truth.join(', '),
        ...[plain, ...others].flatMap((caption) => [wrongWords(caption), caption.score?.recall ?? null]),
      ]),
  );
}

const textsOf = (entries: SetResult['entries'], variants: SetResult['variants']): Section => ({
  kind: 'generations',
  id: 'captions',
  title: 'Captions',
  variants: ['plain', ...variants.map(variantName)],
  score: { title: 'CHAIR_I', unit: '' },
  items: entries.slice(0, listed).map(({ name, plain, variants: others }) => ({
    title: name,
    texts: [plain, ...others].map(({ text }) => text),
    scores: [plain, ...others].map(({ score }) => score?.chairI ?? Number.NaN),
  })),
});
