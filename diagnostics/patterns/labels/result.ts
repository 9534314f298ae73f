/** The result of the analysis `labels`, and its schema. */
import * as v from 'valibot';
import type { Schema } from '../../../protocol/schema/check';
import {
  headLabels,
  headStatisticNames,
  type ClassAblation,
  type HeadClass,
  type HeadLabel,
  type HeadStatistics,
  type LabelScores,
  type PerHead,
} from '../../../protocol/results/heads';
import { causalChange, headClass, label, labelScoresOf, statisticsOf } from '../../../protocol/results/heads-schema';
import { count, figure, list, object, optional, record, recordOf } from '../../../protocol/schema/fields';
import { mostHeads, mostHeadsInAll, mostLayers } from '../../../protocol/schema/parts';

/** Fields are those of a result of `headscope heads` (protocol/results/heads.ts, docs/heads-json.md). */
export interface LabelsResult extends Readonly<Record<string, unknown>> {
  /** Of the prompt. */
  readonly tokens: number;
  readonly statistics: HeadStatistics;
  /** By group name: mean mass on its keys. */
  readonly groups: Readonly<Record<string, PerHead>>;
  readonly labelScores: Readonly<Partial<Record<HeadLabel, LabelScores>>>;
  readonly classes: readonly HeadClass[];
  /** With the causal check only; empty where the model predicts no next token. */
  readonly classAblations?: readonly ClassAblation[];
}

const perHead: Schema<PerHead> = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  least: 1,
  most: mostLayers,
});

/** As named, which an interface with an index signature leaves out of `keyof`. */
type Named = Pick<LabelsResult, 'tokens' | 'statistics' | 'groups' | 'labelScores' | 'classes' | 'classAblations'>;

const fields: Schema<Named> = object<Named>({
  tokens: count,
  statistics: statisticsOf(perHead),
  groups: record(perHead),
  labelScores: recordOf(headLabels, labelScoresOf(perHead)),
  classes: list(headClass(), 'a list of labels', { most: mostHeadsInAll * headLabels.length }),
  classAblations: optional(
    list(object<ClassAblation>({ label, heads: count, ...causalChange }), 'a list', { most: headLabels.length }),
  ),
});

/** Every table has one number for each head of the first, and every label is of one of these heads. */
export const labelsResult: Schema<LabelsResult> = v.pipe(
  fields,
  v.check(
    (result) => tablesOf(result).every((table) => sameShape(table, result.statistics.selfToken)),
    'a result whose tables are of one size',
  ),
  v.check(
    ({ classes, statistics: { selfToken } }) =>
      classes.every(({ layer, head }) => selfToken[layer]?.[head] !== undefined),
    'a result whose labels are of heads that it has',
  ),
);

const tablesOf = ({ statistics: by, groups, labelScores }: Named): readonly PerHead[] => [
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
