/** The result of the analysis `ablation`, and its schema. */
import * as v from 'valibot';
import { taskMetrics, type TaskMetric } from '../../../protocol/analysis/tasks';
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, flag, list, object, oneOf, optional, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';
import type { Unit } from '../../shared/effects/subjects';

export const modes = ['zero', 'mean', 'resample'] as const;
export type Mode = (typeof modes)[number];

type PerHead = readonly (readonly number[])[];

/** A change is the metric without a part less that with it, on the same prompt or token; means over `n` of them. */
interface AblationFields {
  readonly mode: Mode;
  readonly metric: TaskMetric;
  /** What has one value of the metric. */
  readonly unit: Unit;
  readonly n: number;
  /** Prompts without another one of their length to resample from. */
  readonly leftOut?: number;
  /** The metric with all parts, and its 95 % interval (Student's t; NaN where n is 1). */
  readonly baseline: { readonly mean: number; readonly low: number; readonly high: number };
  /** [layers][heads]: mean change, and its 95 % interval. */
  readonly heads: PerHead;
  readonly low: PerHead;
  readonly high: PerHead;
  /** [layers]: the same of the MLPs. */
  readonly mlp: readonly number[];
  readonly mlpLow: readonly number[];
  readonly mlpHigh: readonly number[];
  /** Whether 0 lies outside of the interval that is widened for the number of parts (Bonferroni, 5 % over all of them). */
  readonly beyondChance: readonly (readonly boolean[])[];
  readonly mlpBeyondChance: readonly boolean[];
}

export interface AblationResult extends AblationFields, Readonly<Record<string, unknown>> {}

/** The same without the index signature, which hides the names. */
type Named = Pick<AblationFields, keyof AblationFields>;

const layersOf = <T>(item: Schema<T>): Schema<readonly T[]> =>
  list(item, 'a list of layers', { least: 1, most: mostLayers });
const perHead = <T>(item: Schema<T>): Schema<readonly (readonly T[])[]> =>
  layersOf(list(item, 'a list of heads', { most: mostHeads }));

const fields: Schema<Named> = object<Named>({
  mode: oneOf(modes),
  metric: oneOf(taskMetrics),
  unit: oneOf(['prompt', 'token']),
  n: count,
  leftOut: optional(whole),
  baseline: object<Named['baseline']>({ mean: figure, low: figure, high: figure }),
  heads: perHead(figure),
  low: perHead(figure),
  high: perHead(figure),
  mlp: layersOf(figure),
  mlpLow: layersOf(figure),
  mlpHigh: layersOf(figure),
  beyondChance: perHead(flag),
  mlpBeyondChance: layersOf(flag),
});

export const ablationResult: Schema<AblationResult> = v.pipe(
  fields,
  v.check(({ heads, low, high, beyondChance, mlp, mlpLow, mlpHigh, mlpBeyondChance }) => {
    const shapeOf = (table: readonly (readonly unknown[])[]): string => table.map(({ length }) => length).join();
    return (
      [low, high, beyondChance].every((table) => shapeOf(table) === shapeOf(heads)) &&
      [mlp, mlpLow, mlpHigh, mlpBeyondChance].every(({ length }) => length === heads.length)
    );
  }, 'a result whose tables are of one size'),
);
