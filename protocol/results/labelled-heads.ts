/** The results of the analyses `labels` and `heads`, and their schemas. */
import { check, type Output, type Schema } from '../schema/check';
import {
  count,
  ensure,
  figure,
  flag,
  list,
  mostItems,
  object,
  optional,
  orNull,
  record,
  recordOf,
  text,
  texts,
} from '../schema/fields';
import { mostHeads, mostHeadsInAll, mostLayers } from '../schema/parts';
import { crossHeads } from './cross-heads';
import { headLabels, headStatisticNames, type PerHead } from './heads';
import { expertLayers } from '../sections/experts';
import { readoutField } from './readout';
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

/**
 * What recurrences do on the prompt: E(i, j) is what they multiply the value at j with to give the output at i, of either sign. Tables are
 * [layers][heads], empty in layers without one, and NaN where it was not measured.
 */
const effective = object({
  /** By layer the kind of its recurrence, or null. */
  recurrences: list(orNull(text), 'a list of kinds', { most: mostLayers }),
  /** By layer whether it has attention beside that. */
  beside: list(flag, 'a list of flags', { most: mostLayers }),
  /** Mean over all i of sum_j E(i, j). */
  sum: perHead,
  /** Mean over all i of sum_j |E(i, j)|. */
  size: perHead,
  /** sum_ij |E(i, j)| where E is below 0, over that of all. */
  negative: perHead,
  /** sum_ij |E(i, j)| (i - j) over sum_ij |E(i, j)|, in tokens. */
  distance: perHead,
  /** Pictures of E, as those of the heads: mean over a block of queries of the sum on a block of keys. */
  thumbnails: optional(anyThumbnails),
  /** Why nothing was measured, in a sentence. */
  why: optional(text),
});
export type EffectiveHeads = Output<typeof effective>;

const ofOneStack = {
  ...measuredFields,
  /** Absent where no labels were asked for. */
  labelScores: optional(labelScores),
  /** Queries that were computed at once; absent where a file of an earlier version does not say it. */
  chunk: optional(count),
  /** Text of each token, special tokens as they are written. */
  texts,
  /** What the last query reads most, largest weight first; absent in files of earlier versions that lack it. */
  topKeys: optional(perHeadOf(topKeysAmong(mostItems))),
  /** For layers with routed experts: what their routers did (protocol/sections/experts.ts); absent in models without them. */
  experts: optional(expertLayers),
  /** For a classifier or an embedding model: what it says of the prompt. */
  readout: optional(readoutField),
  /** Pictures of the heads, where they were asked for. */
  thumbnails: optional(anyThumbnails),
  /** Absent where no layer has a recurrence. */
  effective: optional(effective),
};
const stackFields = object(ofOneStack);
/** The heads of one stack of layers on the text that it reads. */
export type StackMeasured = Output<typeof stackFields>;

const headsFields = object({
  ...ofOneStack,
  /** For an encoder-decoder: the heads of its encoder on the source; those beside it are of the decoder on the target. */
  encoder: optional(stackFields),
  /** For an encoder-decoder: the heads of its cross-attention. */
  cross: optional(crossHeads),
  /** For an encoder-decoder: how many of the last tokens of the target the model wrote itself; absent: none. */
  written: optional(count),
});
export type HeadsMeasured = Output<typeof headsFields>;

/** The analysis `heads`, whose results earlier versions saved in files of their own too. */
export const headsAnalysis = { id: 'heads', title: 'Heads on a prompt' } as const;

/** Every table has one number for each head of the first, and every label is of one of these heads. */
const whole = <Result extends LabelledResult>(fields: Schema<Result>): Schema<Result> =>
  ensure(
    ensure(fields, isWhole, 'a result whose tables are of one size'),
    ({ classes, statistics: { selfToken } }) =>
      classes.every(({ layer, head }) => selfToken[layer]?.[head] !== undefined),
    'a result whose labels are of heads that it has',
  );

function isWhole(result: LabelledResult): boolean {
  return tablesOf(result).every((table) => sameShape(table, result.statistics.selfToken));
}

/** The scores behind the labels of a result of `labels` or `heads`; undefined where it has none, or is of another analysis. */
export function labelScoresOfResult(result: unknown): HeadsMeasured['labelScores'] {
  const read = check(object({ labelScores }), result);
  return read.ok ? read.result.labelScores : undefined;
}

export const labelsResult = whole(labelsFields);
export const headsMeasured = ensure(
  whole(headsFields),
  ({ encoder, cross, statistics }) =>
    (encoder === undefined || isWhole(encoder)) &&
    (cross === undefined ||
      Object.values(cross.statistics).every((table) => table.length === statistics.selfToken.length)),
  'a result whose stacks have tables of one size',
);

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
