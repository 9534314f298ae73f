/** The result of the analysis `activation-patching`, and its schema. */
import * as v from 'valibot';
import { taskMetrics, type TaskMetric } from '../../../protocol/analysis/tasks';
import type { Schema } from '../../../protocol/schema/check';
import {
  count,
  figure,
  flag,
  list,
  object,
  oneOf,
  optional,
  text,
  texts,
  whole,
} from '../../../protocol/schema/fields';
import { mostLayers } from '../../../protocol/schema/parts';
import { directions, sites, type Direction, type Site } from './parameters';

/** [layers][heads], [layers][key/value heads] or [layers][columns], by site. */
export type Table = readonly (readonly number[])[];

interface Level {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Means are over `n` prompts, intervals are 95 % of Student's t over prompts (NaN where n is 1). */
interface PatchingFields {
  readonly site: Site;
  readonly direction: Direction;
  readonly metric: TaskMetric;
  readonly n: number;
  /** Prompts of a task that were not patched: without a counterpart, or of another layout than most. */
  readonly leftOut?: number;
  /** The answers that are compared, of a prompt and its counterpart. */
  readonly answers?: { readonly right: string; readonly wrong?: string };
  readonly clean: Level;
  readonly corrupted: Level;
  /** Clean less corrupted. */
  readonly gap: Level;
  /** Where MLPs and the residual stream are patched: one label a column. */
  readonly columns?: readonly string[];
  /** Where heads are patched, where that is not everywhere. */
  readonly at?: string;
  /**
   * Where the patched run stands between the corrupted one (0) and the clean one (1): mean of (patched - corrupted) over mean of
   * (clean - corrupted).
   */
  readonly values: Table;
  readonly low: Table;
  readonly high: Table;
  /** How far a patch moves its run towards the other: `values` of denoising, 1 - `values` of noising. */
  readonly effect: Table;
  readonly effectLow: Table;
  readonly effectHigh: Table;
  /** `effect` of patches from another prompt of the task, drawn at random. */
  readonly null?: { readonly mean: Table; readonly low: Table; readonly high: Table; readonly n: number };
  /** Whether the effect is more than none and, of denoising, than that of random pairs: Bonferroni, 5 % over all cells. */
  readonly beyondChance?: readonly (readonly boolean[])[];
}

export interface PatchingResult extends PatchingFields, Readonly<Record<string, unknown>> {}

/** The same without the index signature, which hides the names. */
type Named = Pick<PatchingFields, keyof PatchingFields>;

const tableOf = <T>(item: Schema<T>): Schema<readonly (readonly T[])[]> =>
  list(list(item), 'a list of layers', { least: 1, most: mostLayers });
const table = tableOf(figure);
const level: Schema<Level> = object<Level>({ mean: figure, low: figure, high: figure });

const fields: Schema<Named> = object<Named>({
  site: oneOf(sites),
  direction: oneOf(directions),
  metric: oneOf(taskMetrics),
  n: count,
  leftOut: optional(whole),
  answers: optional(object<NonNullable<Named['answers']>>({ right: text, wrong: optional(text) })),
  clean: level,
  corrupted: level,
  gap: level,
  columns: optional(texts),
  at: optional(text),
  values: table,
  low: table,
  high: table,
  effect: table,
  effectLow: table,
  effectHigh: table,
  null: optional(object<NonNullable<Named['null']>>({ mean: table, low: table, high: table, n: count })),
  beyondChance: optional(tableOf(flag)),
});

export const patchingResult: Schema<PatchingResult> = v.pipe(
  fields,
  v.check((result) => {
    const { values, low, high, effect, effectLow, effectHigh, beyondChance = values, null: none, columns } = result;
    const shapeOf = (of: readonly (readonly unknown[])[]): string => of.map(({ length }) => length).join();
    const others = none ? [none.mean, none.low, none.high] : [];
    return (
      [low, high, effect, effectLow, effectHigh, beyondChance, ...others].every(
        (one) => shapeOf(one) === shapeOf(values),
      ) &&
      (columns === undefined || values.every(({ length }) => length === columns.length))
    );
  }, 'a result whose tables are of one size'),
);
