import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, object, optional } from '../../../protocol/schema/fields';
import type { LayerConcentration } from './layer';

interface Fields {
  readonly strongest: number;
  readonly layers?: readonly LayerConcentration[];
}
export interface ConcentrationResult extends Fields, Readonly<Record<string, unknown>> {}

export const concentrationResult: Schema<ConcentrationResult> = object<Pick<Fields, keyof Fields>>({
  strongest: count,
  layers: optional(
    list(
      object<LayerConcentration>({
        mass: list(figure),
        entropy: list(figure),
        cosine: list(list(figure)),
        alike: list(figure),
        nearest: list(figure),
        diversity: figure,
      }),
    ),
  ),
});
