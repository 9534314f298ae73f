/** The result of the analysis `labels`, and its schema. */
import type { Output, Schema } from '../../../protocol/schema/check';
import { headLabels, headStatisticNames, type PerHead } from '../../../protocol/results/heads';
import { classAblation, headClass, labelScoresOf, statisticsOf } from '../../../protocol/results/heads-schema';
import { count, ensure, figure, list, object, optional, record, recordOf } from '../../../protocol/schema/fields';
import { mostHeads, mostHeadsInAll, mostLayers } from '../../../protocol/schema/parts';

const perHead: Schema<PerHead> = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  least: 1,
  most: mostLayers,
});

/** Fields are those of a result of `headscope heads` (protocol/results/heads.ts, docs/heads-json.md). */
const fields = object({
  /** Of the prompt. */
  tokens: count,
  statistics: statisticsOf(perHead),
  /** By group name: mean mass on its keys. */
  groups: record(perHead),
  labelScores: recordOf(headLabels, labelScoresOf(perHead)),
  classes: list(headClass(), 'a list of labels', { most: mostHeadsInAll * headLabels.length }),
  /** With the causal check only; empty where the model predicts no next token. */
  classAblations: optional(list(classAblation, 'a list', { most: headLabels.length })),
});

export type LabelsResult = Output<typeof fields>;

/** Every table has one number for each head of the first, and every label is of one of these heads. */
export const labelsResult = ensure(
  ensure(
    fields,
    (result) => tablesOf(result).every((table) => sameShape(table, result.statistics.selfToken)),
    'a result whose tables are of one size',
  ),
  ({ classes, statistics: { selfToken } }) =>
    classes.every(({ layer, head }) => selfToken[layer]?.[head] !== undefined),
  'a result whose labels are of heads that it has',
);

const tablesOf = ({ statistics: by, groups, labelScores }: LabelsResult): readonly PerHead[] => [
  ...headStatisticNames.map((name) => by[name]),
  ...Object.values(groups),
  ...Object.values(labelScores).flatMap(({ score, nullMean, nullSd, confidence, needed }) => [
    score,
    nullMean,
    nullSd,
    confidence,
    ...(needed ? [needed] : []),
  ]),
];

const sameShape = (a: PerHead, b: PerHead): boolean =>
  a.length === b.length && a.every((row, layer) => row.length === b[layer]?.length);
