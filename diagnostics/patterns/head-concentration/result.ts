import { layerConcentration } from './layer';
import type { Output } from '../../../protocol/schema/check';
import { count, list, object, optional } from '../../../protocol/schema/fields';

export const concentrationResult = object({
  strongest: count,
  layers: optional(list(layerConcentration)),
});
export type ConcentrationResult = Output<typeof concentrationResult>;
