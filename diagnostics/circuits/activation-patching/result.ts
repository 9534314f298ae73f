/** The result of the analysis `activation-patching`, and its schema. */
import type { Output, Schema } from '../../../protocol/schema/check';
import { effectMetrics } from '../../../protocol/analysis/tasks';
import {
  ensure,
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
import { directions, sites } from './parameters';
import { measuredMean } from '../../shared/statistics/proportion';

/** [layers][heads], [layers][key/value heads] or [layers][columns], by site. */
export type Table = readonly (readonly number[])[];

const tableOf = <T>(item: Schema<T>): Schema<readonly (readonly T[])[]> =>
  list(list(item), 'a list of layers', { least: 1, most: mostLayers });
const table = tableOf(figure);

/** Means are over `n` prompts, intervals are 95 % of Student's t over prompts (NaN where n is 1). */
const fields = object({
  site: oneOf(sites),
  direction: oneOf(directions),
  metric: oneOf(effectMetrics),
  n: count,
  /** Prompts of a task that were not patched: without a counterpart, or of another layout than most. */
  leftOut: optional(whole),
  /** The answers that are compared, of a prompt and its counterpart. */
  answers: optional(object({ right: text, wrong: optional(text) })),
  clean: measuredMean,
  corrupted: measuredMean,
  /** Clean less corrupted. */
  gap: measuredMean,
  /** Where MLPs and the residual stream are patched: one label a column. */
  columns: optional(texts),
  /** Where heads are patched, where that is not everywhere. */
  at: optional(text),
  /**
   * Where the patched run stands between the corrupted one (0) and the clean one (1): mean of (patched - corrupted) over mean of
   * (clean - corrupted).
   */
  values: table,
  low: table,
  high: table,
  /** How far a patch moves its run towards the other: `values` of denoising, 1 - `values` of noising. */
  effect: table,
  effectLow: table,
  effectHigh: table,
  /** `effect` of patches from another prompt of the task, drawn at random. */
  null: optional(object({ mean: table, low: table, high: table, n: count })),
  /** Whether the effect is more than none and, of denoising, than that of random pairs: Bonferroni, 5 % over all cells. */
  beyondChance: optional(tableOf(flag)),
});

export const patchingResult = ensure(
  fields,
  (result) => {
    const { values, low, high, effect, effectLow, effectHigh, beyondChance = values, null: none, columns } = result;
    const shapeOf = (of: readonly (readonly unknown[])[]): string => of.map(({ length }) => length).join();
    const others = none ? [none.mean, none.low, none.high] : [];
    return (
      [low, high, effect, effectLow, effectHigh, beyondChance, ...others].every(
        (one) => shapeOf(one) === shapeOf(values),
      ) &&
      (columns === undefined || values.every(({ length }) => length === columns.length))
    );
  },
  'a result whose tables are of one size',
);
export type PatchingResult = Output<typeof patchingResult>;
