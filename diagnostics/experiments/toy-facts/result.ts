/** The result of the experiment `toy-facts`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, object, optional, text } from '../../../protocol/schema/fields';
import { recallResult, type RecallResult } from '../../circuits/factual-recall/result';
import { curvesSchema, type Curves } from '../../shared/training/curves';

interface Fields {
  readonly parameterCount: number;
  readonly vocabulary: number;
  /** Share of the answers that were drawn at random where the last layer was trained. */
  readonly noise: number;
  readonly curves: Curves;
  /** Of the last layer. */
  readonly lastCurves?: Curves;
  readonly folder?: string;
  readonly recall?: RecallResult;
}

export interface ToyFactsResult extends Fields, Readonly<Record<string, unknown>> {}

/** The same without the index signature, which hides the names. */
type Named = Pick<Fields, keyof Fields>;

export const toyFactsResult: Schema<ToyFactsResult> = object<Named>({
  parameterCount: count,
  vocabulary: count,
  noise: figure,
  curves: curvesSchema,
  lastCurves: optional(curvesSchema),
  folder: optional(text),
  recall: optional(recallResult),
});
