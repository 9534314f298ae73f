/** The result of the experiment `toy-facts`, and its schema. */
import type { Output, Schema } from '../../../protocol/schema/check';
import { count, figure, object, optional, text } from '../../../protocol/schema/fields';
import { curvesSchema } from '../../shared/training/curves';

export const toyFactsResult = (recall: Schema<Readonly<Record<string, unknown>>>) =>
  object({
    parameterCount: count,
    vocabulary: count,
    /** Share of the answers that were drawn at random where the last layer was trained. */
    noise: figure,
    curves: curvesSchema,
    /** Curves of the second training, which trains the last layer alone. */
    lastCurves: optional(curvesSchema),
    folder: optional(text),
    recall: optional(recall),
  });
export type ToyFactsResult = Output<ReturnType<typeof toyFactsResult>>;
