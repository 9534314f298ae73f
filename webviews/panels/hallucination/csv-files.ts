/** CSV files that leave the panel: heads, words, pictures of a set. What made them stands in each line. Pure. */
import type {
  Caption,
  CaptionScore,
  CaptionToken,
  DatasetEntry,
  HallucinationResult,
  HallucinationSet,
  ObjectMention,
} from '../../../protocol/results/hallucination-schema';
import { mentionsOfTokens, verdictOf, verdictWords } from '../../../protocol/results/sections/word-classes';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { comparedValues, madeValues } from '../../ui/made';
import { constantColumns, plainColumns, toCsv } from '../../ui/csv';
import { headName } from '../../ui/head-names';
import { type CellValue, type Column, textColumn } from '../../ui/table';
import { pairOf } from './comparison';
import { stepOf } from './shown';
import type { State } from './state';
import { nameOf, variantName } from './variant-words';

const made = (of: HallucinationResult | HallucinationSet): Readonly<Record<string, CellValue>> => ({
  distance: of.distance,
  outlier_rule: of.outliers,
  positions: of.positions,
  k: of.k,
  ...(of.truthLabels
    ? {
        truth_labels: of.truthLabels.total,
        truth_labels_unknown: of.truthLabels.unknown,
        truth_labels_unknown_names: of.truthLabels.names.join(', '),
      }
    : {}),
  ...(of.kind === 'headscope-hallucination-set' && of.sample
    ? { sample: of.sample.count, sample_of: of.sample.of }
    : {}),
  ...madeValues(of),
});

const yes = (flag: boolean | undefined): string | undefined => (flag ? 'yes' : undefined);

/** For each head, the divergence of the other result and the change, where the two can be compared. */
function comparedColumns(state: State): readonly Column<HeadPlace>[] {
  const pair = pairOf(state);
  const { compareWith } = state;
  if (pair?.kind !== 'results' || !compareWith) return [];
  const there = ({ layer, head }: HeadPlace): number | undefined => pair.there.vhd[layer]?.[head];
  return [
    ...plainColumns<HeadPlace>({
      vhd_there: there,
      change_vhd: (place) => (pair.here.vhd[place.layer]?.[place.head] ?? Number.NaN) - (there(place) ?? Number.NaN),
    }),
    ...constantColumns<HeadPlace>(comparedValues(compareWith.name, compareWith.made)),
  ];
}

/** One line a head, in full precision; any reader of CSV can use the file. */
export function headsCsv(state: State, result: HallucinationResult): string {
  const step = stepOf(state);
  if (!step) return '';
  const { visualAttention } = step;
  return toCsv(
    [
      ...plainColumns<HeadPlace>({
        layer: ({ layer }) => layer,
        head: ({ layer, head }) => headName(layer, head),
        vhd: ({ layer, head }) => step.vhd[layer]?.[head],
        text_energy: ({ layer, head }) => step.textEnergy[layer]?.[head],
        ...(visualAttention ? { visual_attention: ({ layer, head }) => visualAttention[layer]?.[head] } : {}),
        outlier: ({ layer, head }) => yes(step.outlier[layer]?.[head]),
        selected: ({ layer, head }) => yes(step.selected[layer]?.[head]),
      }),
      ...comparedColumns(state),
      ...constantColumns<HeadPlace>({ step: step.step, image: result.image?.name ?? '', ...made(result) }),
    ],
    step.vhd.flatMap((row, layer) => row.map((_, head) => ({ layer, head }))),
  );
}

interface Word {
  readonly caption: Caption;
  /** Place in the caption, from 0. */
  readonly at: number;
  readonly token: CaptionToken;
  readonly mention: ObjectMention | undefined;
}

/** One line a token, of the plain caption and of each other one; tokens are counted from 1. */
export function wordsCsv(result: HallucinationResult): string {
  const words = [result.caption, ...result.variants].flatMap((caption) => {
    const mentions = mentionsOfTokens(caption);
    return caption.tokens.map((token, at): Word => ({ caption, at, token, mention: mentions[at] }));
  });
  return toCsv(
    [
      ...plainColumns<Word>({
        caption: ({ caption }) => nameOf(caption),
        token: ({ at }) => at + 1,
        text: ({ token }) => token.text,
        t_vhd: ({ token }) => token.tVhd,
        visual_attention: ({ token }) => token.visualAttention,
        probability: ({ token }) => token.probability,
        object: ({ mention }) => mention?.object,
        truth: ({ mention }) => mention && verdictWords[verdictOf(mention)],
        stopped_at: ({ caption }) => caption.stoppedAt,
      }),
      ...constantColumns<Word>({ image: result.image?.name ?? '', ...made(result) }),
    ],
    words,
  );
}

const wrongOf = (caption: Caption | undefined): string | undefined =>
  [...new Set(caption?.mentions.filter(({ inTruth }) => inTruth === false).map(({ object }) => object))].join(', ') ||
  undefined;

export function entryColumns([first]: readonly DatasetEntry[]): readonly Column<DatasetEntry>[] {
  const variants = first?.variants ?? [];
  return [
    textColumn('picture', 'Picture', ({ name }) => name),
    textColumn('truth', 'In it', ({ truth }) => truth.join(', ')),
    textColumn('hallucinated', 'Not there, plain', ({ plain }) => wrongOf(plain)),
    ...variants.map((_, at): Column<DatasetEntry> =>
      textColumn(`hallucinated_${at + 1}`, '', ({ variants: others }) => wrongOf(others[at])),
    ),
    textColumn('caption', 'Plain caption', ({ plain }) => plain.text.trim()),
    ...variants.map((_, at): Column<DatasetEntry> =>
      textColumn(`caption_${at + 1}`, '', ({ variants: others }) => others[at]?.text.trim()),
    ),
  ];
}

/** One line a picture, with the text and the scores of each of its captions. */
export const setCsv = (set: HallucinationSet): string =>
  toCsv(
    [
      ...entryColumns(set.entries),
      ...captionColumns(set),
      ...constantColumns<DatasetEntry>({
        ...Object.fromEntries(
          set.variants.map(({ reinforcement }, at) => [`caption_${at + 1}_is`, variantName(reinforcement)]),
        ),
        ...Object.fromEntries(
          [set.plain, ...set.variants.map(({ score }) => score)].flatMap(({ unfinished }, at) =>
            unfinished === undefined ? [] : [[`unfinished_of_set${at === 0 ? '' : `_${at}`}`, unfinished]],
          ),
        ),
        ...made(set),
      }),
    ],
    set.entries,
  );

function captionColumns({ variants }: HallucinationSet): readonly Column<DatasetEntry>[] {
  const of = (end: string, caption: (entry: DatasetEntry) => Caption | undefined): readonly Column<DatasetEntry>[] => {
    const score = (value: (score: CaptionScore) => number | null) => (entry: DatasetEntry) => {
      const scored = caption(entry)?.score;
      return (scored && value(scored)) ?? undefined;
    };
    return plainColumns({
      [`words${end}`]: score(({ length }) => length),
      [`objects${end}`]: score(({ mentions }) => mentions),
      [`objects_not_there${end}`]: score(({ hallucinated }) => hallucinated),
      [`chair_i${end}`]: score(({ chairI }) => chairI),
      [`recall${end}`]: score(({ recall }) => recall),
      [`stopped_at${end}`]: (entry) => caption(entry)?.stoppedAt,
    });
  };
  return [
    ...of('', ({ plain }) => plain),
    ...variants.flatMap((_, at) => of(`_${at + 1}`, ({ variants: made }) => made[at])),
  ];
}
