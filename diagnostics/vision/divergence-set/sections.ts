/** Sections of the analysis `divergence-set`. */
import { isMoreThanNoise } from '../../../protocol/results/share-change';
import type { Caption, CaptionSetScore, ShareChange } from '../../../protocol/results/hallucination';
import { unknownLabels } from '../../../protocol/results/unknown-labels';
import type { ChartSection } from '../../../protocol/sections/chart';
import type { Section } from '../../../protocol/sections/section';
import type { SectionCell, SectionColumn, TableSection } from '../../../protocol/sections/table';
import type { SetResult } from './result';
import { variantName } from './variant-name';
import { failuresOf } from '../../shared/sections/unread-pictures';

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

const shareColumn = (name: string, title: string, definition: string): SectionColumn => ({
  name,
  title,
  kind: 'number',
  unit: '',
  definition,
});

function ratesOf(plain: CaptionSetScore, variants: SetResult['variants']): TableSection {
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
  return {
    kind: 'table',
    id: 'rates',
    title: 'Captions against the truth',
    caption: 'A caption that names nothing has a CHAIR of 0: recall and length are part of the score.',
    columns: [
      { name: 'heads', title: 'heads', kind: 'text' },
      {
        name: 'captions',
        title: 'captions',
        kind: 'number',
        unit: '',
        digits: 6,
        definition: 'captions that were scored',
      },
      shareColumn('chairS', 'CHAIR_S', 'captions that name an object which is not there / captions'),
      shareColumn('chairI', 'CHAIR_I', 'mentions of objects that are not there / mentions, pooled'),
      shareColumn('recall', 'recall', 'distinct true objects mentioned / true objects, pooled'),
      shareColumn('precision', 'precision', 'distinct true objects mentioned / distinct objects mentioned, pooled'),
      shareColumn('f1', 'F1', 'harmonic mean of precision and recall'),
      { name: 'length', title: 'words', kind: 'number', unit: '', definition: 'words per caption' },
      {
        name: 'unfinished',
        title: 'unfinished',
        kind: 'number',
        unit: '',
        digits: 6,
        definition: 'captions that were cut at the token limit, scored as far as they go',
      },
    ],
    rows: [row('plain', plain), ...variants.map((variant) => row(variantName(variant), variant.score))],
  };
}

const measures = [
  ['chairS', 'CHAIR_S'],
  ['chairI', 'CHAIR_I'],
  ['recall', 'recall'],
] as const;

function changesOf(variants: SetResult['variants']): TableSection {
  const cells = (change: ShareChange | null): SectionCell[] =>
    change === null
      ? [null, null, null, 'too few changed']
      : [
          change.difference,
          change.low,
          change.high,
          isMoreThanNoise(change) ? 'more than noise' : 'no more than noise',
        ];
  return {
    kind: 'table',
    id: 'changes',
    title: 'Change from the plain captions',
    caption:
      '95 % intervals over pictures: CHAIR_S by the score interval of paired proportions (Tango), the others by the jackknife.',
    columns: [
      { name: 'heads', title: 'heads', kind: 'text' },
      { name: 'measure', title: 'measure', kind: 'text' },
      shareColumn('difference', 'change', 'share of the changed captions less that of the plain ones'),
      shareColumn('low', 'low', 'lower end of the 95 % interval'),
      shareColumn('high', 'high', 'upper end of the 95 % interval'),
      { name: 'verdict', title: 'interval', kind: 'text', definition: 'more than noise: the interval leaves 0 out' },
    ],
    rows: variants.flatMap((variant) => {
      const { change } = variant;
      if (!change) return [];
      return measures.map(([name, title]): SectionCell[] => [variantName(variant), title, ...cells(change[name])]);
    }),
  };
}

function histogramOf({ separation }: Partial<SetResult>): readonly ChartSection[] {
  if (!separation || separation.hallucinated.length + separation.truthful.length === 0) return [];
  const { histogram, auroc, hallucinated, truthful } = separation;
  const { from, to } = histogram;
  const width = (to - from) / Math.max(1, histogram.truthful.length);
  const series = (id: string, title: string, counts: readonly number[]): ChartSection['series'][number] => ({
    id,
    title,
    mark: 'bars',
    points: counts.map((y, at) => ({ x: from + (at + 0.5) * width, y })),
  });
  const chance =
    auroc === null ? '' : `; a hallucinated word lies below a true one with probability ${auroc.toFixed(3)} (AUROC)`;
  return [
    {
      kind: 'chart',
      id: 't-vhd-by-truth',
      title: 'T-VHD of object words',
      caption: `${hallucinated.length} hallucinated and ${truthful.length} true words of the plain captions${chance}.`,
      x: { title: 'T-VHD', unit: '', scale: 'linear' },
      y: { title: 'Words', unit: '', scale: 'linear', min: 0 },
      series: [
        series('hallucinated', 'Hallucinated', histogram.hallucinated),
        series('truthful', 'True', histogram.truthful),
      ],
    },
  ];
}

const wrongWords = ({ mentions }: Caption): string =>
  [...new Set(mentions.filter(({ inTruth }) => inTruth === false).map(({ object }) => object))].join(', ');

function picturesOf(entries: SetResult['entries'], variants: SetResult['variants']): TableSection {
  const names = ['plain', ...variants.map(variantName)];
  return {
    kind: 'table',
    id: 'pictures',
    title: 'Pictures',
    columns: [
      { name: 'picture', title: 'picture', kind: 'text' },
      { name: 'truth', title: 'objects in it', kind: 'text' },
      ...names.flatMap((name, at): SectionColumn[] => [
        { name: `wrong-${at}`, title: `named and not there, ${name}`, kind: 'text' },
        { ...shareColumn(`recall-${at}`, `recall, ${name}`, 'distinct true objects mentioned / true objects') },
      ]),
    ],
    rows: entries
      .slice(0, listed)
      .map(({ name, truth, plain, variants: others }) => [
        name,
        truth.join(', '),
        ...[plain, ...others].flatMap((caption) => [wrongWords(caption), caption.score?.recall ?? null]),
      ]),
  };
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

/** Of the pictures, and of labels that say nothing; `more` paragraphs of the analysis. */
export function notesOf(
  { truthLabels, sample, total }: Partial<Pick<SetResult, 'truthLabels' | 'sample' | 'total'>>,
  more: readonly string[] = [],
): readonly Section[] {
  const unknown = truthLabels && unknownLabels(truthLabels);
  const paragraphs = [
    ...(sample && total !== undefined && total < sample.of
      ? [`${total} of ${sample.of} pictures, drawn by seed ${sample.seed}.`]
      : []),
    ...(unknown === undefined ? [] : [`${unknown}.`]),
    ...more,
  ];
  return paragraphs.length > 0 ? [{ kind: 'text', id: 'notes', title: 'Notes', paragraphs }] : [];
}
