import type { Output, Schema } from '../../../protocol/schema/check';
import { figure, list, object, oneOf, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';

/** [layers][heads]; NaN where it was not measured. */
export type PerHead = readonly (readonly number[])[];

const heads = <T>(item: Schema<T>) =>
  list(list(item, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers });

export const spectralHeadsResult = object({
  /** `circulant`: a line around its ends; `block-circulant`: a grid of patches around its edges; `toeplitz`: keys before the query. */
  form: oneOf(['circulant', 'block-circulant', 'toeplitz']),
  /** Rows of the grid; a line is one row. */
  height: whole,
  width: whole,
  /** Inputs over which maps were averaged. */
  inputs: whole,
  residual: heads(figure),
  explained: heads(figure),
  /** Without wrap-around; that of `residual` where it has none. */
  straight: heads(figure),
  /** [layers][heads][height x width], by rows down and columns across from the query (Toeplitz: by distance back). */
  kernels: heads(list(figure, 'a list of numbers', { most: 65_536 })),
});
export type SpectralHeadsResult = Output<typeof spectralHeadsResult>;
