import type { Schema } from '../../../protocol/schema/check';
import { figure, list, object, oneOf, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';

/** [layers][heads]; NaN where it was not measured. */
export type PerHead = readonly (readonly number[])[];

export interface SpectralHeadsResult extends Readonly<Record<string, unknown>> {
  /** `circulant`: a line around its ends; `block-circulant`: a grid of patches around its edges; `toeplitz`: keys before the query. */
  readonly form: 'circulant' | 'block-circulant' | 'toeplitz';
  /** Of the grid; a line is one row. */
  readonly height: number;
  readonly width: number;
  /** Inputs over which maps were averaged. */
  readonly inputs: number;
  readonly residual: PerHead;
  readonly explained: PerHead;
  /** Without wrap-around; that of `residual` where it has none. */
  readonly straight: PerHead;
  /** [layers][heads][height x width], by rows down and columns across from the query (Toeplitz: by distance back). */
  readonly kernels: readonly (readonly (readonly number[])[])[];
}

type Named = { readonly [K in keyof SpectralHeadsResult as string extends K ? never : K]: SpectralHeadsResult[K] };

const heads = <T>(item: Schema<T>) =>
  list(list(item, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers });

export const spectralHeadsResult: Schema<SpectralHeadsResult> = object<Named>({
  form: oneOf(['circulant', 'block-circulant', 'toeplitz']),
  height: whole,
  width: whole,
  inputs: whole,
  residual: heads(figure),
  explained: heads(figure),
  straight: heads(figure),
  kernels: heads(list(figure, 'a list of numbers', { most: 65_536 })),
});
