/** The result of the analysis `ablation`, and its schema. */
import type { Output, Schema } from '../../../protocol/schema/check';
import { effectMetrics } from '../../../protocol/analysis/tasks';
import { ensure, count, figure, flag, list, object, oneOf, optional, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';
import { modes } from '../../shared/effects/stand-ins';
import { measuredMean } from '../../shared/statistics/proportion';

const layersOf = <T>(item: Schema<T>): Schema<readonly T[]> =>
  list(item, 'a list of layers', { least: 1, most: mostLayers });
const perHead = <T>(item: Schema<T>): Schema<readonly (readonly T[])[]> =>
  layersOf(list(item, 'a list of heads', { most: mostHeads }));

const stackEffects = object({ heads: perHead(figure), low: perHead(figure), high: perHead(figure) });
/** Effects of heads outside the model's own attention: mean change, and its 95 % interval. */
export type StackEffects = Output<typeof stackEffects>;

/** A change is the metric without a part less that with it, on the same prompt or token; means over `n` of them. */
const fields = object({
  mode: oneOf(modes),
  metric: oneOf(effectMetrics),
  /** What has one value of the metric. */
  unit: oneOf(['prompt', 'token']),
  n: count,
  /** Prompts without another one of their length to resample from. */
  leftOut: optional(whole),
  /** The metric with all parts, and its 95 % interval (Student's t; NaN where n is 1). */
  baseline: measuredMean,
  /** [layers][heads]: mean change, and its 95 % interval. */
  heads: perHead(figure),
  low: perHead(figure),
  high: perHead(figure),
  /** [layers]: the same of the MLPs. */
  mlp: layersOf(figure),
  mlpLow: layersOf(figure),
  mlpHigh: layersOf(figure),
  /** Whether 0 lies outside of the interval that is widened for the number of parts (Bonferroni, 5 % over all of them). */
  beyondChance: perHead(flag),
  mlpBeyondChance: layersOf(flag),
  /** For recurrences beside attention: their heads, set to zero. */
  state: optional(stackEffects),
  /** For an encoder-decoder, whose decoder the other fields describe: heads of cross-attention and of the encoder, set to zero. */
  cross: optional(stackEffects),
  encoder: optional(stackEffects),
});

export const ablationResult = ensure(
  fields,
  ({ heads, low, high, beyondChance, mlp, mlpLow, mlpHigh, mlpBeyondChance }) => {
    const shapeOf = (table: readonly (readonly unknown[])[]): string => table.map(({ length }) => length).join();
    return (
      [low, high, beyondChance].every((table) => shapeOf(table) === shapeOf(heads)) &&
      [mlp, mlpLow, mlpHigh, mlpBeyondChance].every(({ length }) => length === heads.length)
    );
  },
  'a result whose tables are of one size',
);
export type AblationResult = Output<typeof ablationResult>;
