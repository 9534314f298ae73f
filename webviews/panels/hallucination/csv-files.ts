/** CSV files that leave the panel: heads, words, pictures of a set. What made them stands in each line. Pure. */
import type {
  Caption,
  CaptionScore,
  DatasetEntry,
  HallucinationResult,
  HallucinationSet,
} from '../../../protocol/results/hallucination-schema';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { comparedValues, madeValues } from '../../ui/made';
import { constantColumns, plainColumns, toCsv } from '../../ui/csv';
import { type CellValue, type Column, countColumn, textColumn } from '../../ui/table';
import { pairOf } from './comparison';
import { lacking } from './shown';
import type { State } from './state';
import { entryColumns, headColumns, headRows } from './tables';
import { tokenColumns, tokenRows, type TokenRow } from './token-table';
import { variantName } from './variant-words';
import { modelOfStep } from './vhd-view';

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

/** Of each head the divergence of the other result and the change, where the two can be laid side by side. */
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
  const model = modelOfStep(state);
  if (!model) return '';
  const image = result.image?.name ?? '';
  return toCsv(
    [
      countColumn<HeadPlace>('layer', 'Layer', ({ layer }) => layer),
      ...headColumns(model),
      ...comparedColumns(state),
      ...constantColumns<HeadPlace>({ step: model.step.step, image, ...made(result) }),
    ],
    headRows(model),
  );
}

/** One line a token, of the plain caption and of each other one. */
export function wordsCsv(state: State, result: HallucinationResult): string {
  const rows = [result.caption, ...result.variants].flatMap(tokenRows);
  return toCsv(
    [
      textColumn<TokenRow>('caption', 'Caption', ({ caption }) => caption),
      ...tokenColumns(lacking(state)),
      countColumn<TokenRow>('stopped_at', 'Stopped at', ({ stoppedAt }) => stoppedAt),
      ...constantColumns<TokenRow>({ image: result.image?.name ?? '', ...made(result) }),
    ],
    rows,
  );
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
