/** Variants whose runs decide which keys attention is taken from; of one layer where it is named. */
import { changesOf, type Variant } from '../../models/instrument/changes/changes';
import type { Redistribution } from '../../models/instrument/changes/redistribution';

const some = (variant: Variant, layer: number | undefined, holds: (from: Redistribution['from']) => boolean): boolean =>
  changesOf(variant, 'redistribution', layer).some((one) => holds(one.from));

/** A run of fewer rows of the same text may decide otherwise. */
export const decidesSources = (variant: Variant, layer?: number): boolean =>
  some(variant, layer, ({ kind }) => kind !== 'rows');

/** Every row of the text has a part in it. */
export const goesByColumns = (variant: Variant, layer?: number): boolean =>
  some(variant, layer, ({ kind }) => kind === 'columns');
