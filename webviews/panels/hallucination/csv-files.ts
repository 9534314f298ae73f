/** CSV files that leave the panel: heads, words, pictures of a set. What made them stands in each line. Pure. */
import type {
  Caption,
  CaptionScore,
  DatasetEntry,
  HallucinationResult,
  HallucinationSet,
} from '../../../protocol/results/hallucination';
import type { HeadPlace } from '../../ui/head-names';
import { toCsv } from '../../ui/csv';
import type { Column } from '../../ui/table';
import { lacking } from './shown';
import type { State } from './state';
import { scoreRows } from './set-view';
import { entryColumns, headColumns, headRows } from './tables';
import { tokenColumns, tokenRows, type TokenRow } from './token-table';
import { variantName } from './variant-words';
import { modelOfStep } from './vhd-view';

const made = (of: HallucinationResult | HallucinationSet): readonly (readonly [string, string | number])[] => [
  ['distance', of.distance],
  ['outlier_rule', of.outliers],
  ['positions', of.positions],
  ['k', of.k],
  ...(of.truthLabels
    ? ([
        ['truth_labels', of.truthLabels.total],
        ['truth_labels_unknown', of.truthLabels.unknown],
        ['truth_labels_unknown_names', of.truthLabels.names.join(', ')],
      ] as const)
    : []),
  ...(of.kind === 'headscope-hallucination-set' && of.sample
    ? ([
        ['sample', of.sample.count],
        ['sample_of', of.sample.of],
      ] as const)
    : []),
  ['model', of.model.name],
  ['model_hash', of.model.hash],
  ['seed', of.seed],
  ['device', of.device.name],
  ['runtime', of.device.runtime],
  ['platform', of.device.platform],
  ['headscope', of.headscope],
  ['created', of.created],
];

const constants = <Row>(pairs: readonly (readonly [string, string | number])[]): readonly Column<Row>[] =>
  pairs.map(([id, value]) => ({ id, title: id, numeric: false, value: () => value }));

/** One line a head, in full precision; any reader of CSV can use the file. */
export function headsCsv(state: State, result: HallucinationResult): string {
  const model = modelOfStep(state);
  if (!model) return '';
  const image = result.image?.name ?? '';
  return toCsv(
    [
      { id: 'layer', title: 'Layer', numeric: true, value: ({ layer }) => layer },
      ...headColumns(model),
      ...constants<HeadPlace>([['step', model.step.step], ['image', image], ...made(result)]),
    ],
    headRows(model),
  );
}

/** One line a token, of the plain caption and of each other one. */
export function wordsCsv(state: State, result: HallucinationResult): string {
  const rows = [result.caption, ...result.variants].flatMap(tokenRows);
  return toCsv(
    [
      { id: 'caption', title: 'Caption', numeric: false, value: ({ caption }) => caption },
      ...tokenColumns(lacking(state)),
      { id: 'stopped_at', title: 'Stopped at', numeric: true, value: ({ stoppedAt }) => stoppedAt },
      ...constants<TokenRow>([['image', result.image?.name ?? ''], ...made(result)]),
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
      ...constants<DatasetEntry>([
        ...set.variants.map(({ reinforcement }, at) => [`caption_${at + 1}_is`, variantName(reinforcement)] as const),
        ...scoreRows(set).flatMap(({ score: { unfinished } }, at) =>
          unfinished === undefined ? [] : [[`unfinished_of_set${at === 0 ? '' : `_${at}`}`, unfinished] as const],
        ),
        ...made(set),
      ]),
    ],
    set.entries,
  );

function captionColumns({ variants }: HallucinationSet): readonly Column<DatasetEntry>[] {
  const of = (end: string, caption: (entry: DatasetEntry) => Caption | undefined): readonly Column<DatasetEntry>[] => {
    const score = (id: string, value: (score: CaptionScore) => number | null): Column<DatasetEntry> => ({
      id: `${id}${end}`,
      title: id,
      numeric: true,
      value: (entry) => {
        const scored = caption(entry)?.score;
        return (scored && value(scored)) ?? undefined;
      },
    });
    return [
      score('words', ({ length }) => length),
      score('objects', ({ mentions }) => mentions),
      score('objects_not_there', ({ hallucinated }) => hallucinated),
      score('chair_i', ({ chairI }) => chairI),
      score('recall', ({ recall }) => recall),
      {
        id: `stopped_at${end}`,
        title: 'stopped_at',
        numeric: true,
        value: (entry) => caption(entry)?.stoppedAt,
      },
    ];
  };
  return [
    ...of('', ({ plain }) => plain),
    ...variants.flatMap((_, at) => of(`_${at + 1}`, ({ variants: made }) => made[at])),
  ];
}
