/** Variants whose runs decide which keys attention is taken from (`Variant.redistributions`); of one layer where it is named. */
import type { Redistribution, Variant } from './variant';

const some = (
  { redistributions = [] }: Variant,
  layer: number | undefined,
  holds: (from: Redistribution['from']) => boolean,
): boolean => redistributions.some((one) => (layer === undefined || one.layer === layer) && holds(one.from));

/** A run of fewer rows of the same text may decide otherwise. */
export const decidesSources = (variant: Variant, layer?: number): boolean =>
  some(variant, layer, ({ kind }) => kind !== 'rows');

/** Every row of the text has a part in it. */
export const goesByColumns = (variant: Variant, layer?: number): boolean =>
  some(variant, layer, ({ kind }) => kind === 'columns');
