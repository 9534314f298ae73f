/** The results of the analyses `labels` and `heads`, and their schemas. */
import { check, type Output, type Schema } from '../schema/check';
import { count, ensure, figure, list, mostItems, object, optional, record, recordOf, texts } from '../schema/fields';
import { mostHeads, mostHeadsInAll, mostLayers } from '../schema/parts';
import { headLabels, headStatisticNames, type PerHead } from './heads';
import { anyThumbnails, classAblation, headClass, labelScoresOf, statisticsOf, topKeysAmong } from './heads-schema';

const perHeadOf = <T>(item: Schema<T>) =>
  list(list(item, 'a list of heads', { most: mostHeads }), 'a list of layers', { least: 1, most: mostLayers });
const perHead: Schema<PerHead> = perHeadOf(figure);

/** Fields are those of a result of `headscope heads` (heads-schema.ts, docs/heads-json.md). */
const measuredFields = {
  /** Tokens of the prompt. */
  tokens: count,
  statistics: statisticsOf(perHead),
  /** By group name: mean mass on its keys. */
  groups: record(perHead),
  classes: list(headClass(), 'a list of labels', { most: mostHeadsInAll * headLabels.length }),
  /** With the causal check only; empty where the model predicts no next token. */
  classAblations: optional(list(classAblation, 'a list', { most: headLabels.length })),
};
const labelScores = recordOf(headLabels, labelScoresOf(perHead));

const labelsFields = object({ ...measuredFields, labelScores });
export type LabelsResult = Output<typeof labelsFields>;

/** What of a result of heads its sections and its finding are made of. */
export type LabelledResult = Omit<LabelsResult, 'labelScores'> & Partial<Pick<LabelsResult, 'labelScores'>>;

const headsFields = object({
  ...measuredFields,
  /** Absent where no labels were asked for. */
  labelScores: optional(labelScores),
  /** Queries that were computed at once; absent where a file of an earlier version does not say it. */
  chunk: optional(count),
  /** Text of each token, special tokens as they are written. */
  texts,
  /** What the last query reads most, largest weight first; absent in files of earlier versions that lack it. */
  topKeys: optional(perHeadOf(topKeysAmong(mostItems))),
  /** Pictures of the heads, where they were asked for. */
  thumbnails: optional(anyThumbnails),
});
export type HeadsMeasured = Output<typeof headsFields>;

/** The analysis `heads`, whose results earlier versions saved in files of their own too. */
export const headsAnalysis = { id: 'heads', title: 'Heads on a prompt' } as const;

/** Every table has one number for each head of the first, and every label is of one of these heads. */
const whole = <Result extends LabelledResult>(fields: Schema<Result>): Schema<Result> =>
  ensure(
    ensure(
      fields,
      (result) => tablesOf(result).every((table) => sameShape(table, result.statistics.selfToken)),
      'a result whose tables are of one size',
    ),
    ({ classes, statistics: { selfToken } }) =>
      classes.every(({ layer, head }) => selfToken[layer]?.[head] !== undefined),
    'a result whose labels are of heads that it has',
  );

/** The scores behind the labels of a result of `labels` or `heads`; undefined where it has none, or is of another analysis. */
export function labelScoresOfResult(result: unknown): HeadsMeasured['labelScores'] {
  const read = check(object({ labelScores }), result);
  return read.ok ? read.result.labelScores : undefined;
}

export const labelsResult = whole(labelsFields);
export const headsMeasured = whole(headsFields);

const tablesOf = ({ statistics: by, groups, labelScores: scores = {} }: LabelledResult): readonly PerHead[] => [
  ...headStatisticNames.map((name) => by[name]),
  ...Object.values(groups),
  ...Object.values(scores).flatMap(({ score, nullMean, nullSd, confidence, needed }) => [
    score,
    nullMean,
    nullSd,
    confidence,
    ...(needed ? [needed] : []),
  ]),
];

const sameShape = (a: PerHead, b: PerHead): boolean =>
  a.length === b.length && a.every((row, layer) => row.length === b[layer]?.length);
