import type { Output } from '../../../protocol/schema/check';
import { count, figure, list, object, optional } from '../../../protocol/schema/fields';
import type { LayerConcentration } from './layer';

export const concentrationResult = object({
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
export type ConcentrationResult = Output<typeof concentrationResult>;
