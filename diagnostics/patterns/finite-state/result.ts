import type { Output, Schema } from '../../../protocol/schema/check';
import * as v from 'valibot';
import { count, figure, list, number, object, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';

/** [layers][heads] */
type PerHead = readonly (readonly number[])[];

const perHead: Schema<PerHead> = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  most: mostLayers,
});

export const finiteStateResult = v.pipe(
  object({
    /** Smallest even degree of the exponential series within the tolerance; NaN where none of those tried is. */
    degree: perHead,
    /** log10 of the numbers of state for each channel of a value at that degree, C(d + p, p). */
    digits: perHead,
    /** Largest |score| before softmax. */
    largestScore: perHead,
    /** [layers][heads][tried]: relative error of the outputs, up to the degree that is within the tolerance. */
    errors: list(
      list(list(figure, 'a list of errors', { most: 65 }), 'a list of heads', { most: mostHeads }),
      'a list of layers',
      { most: mostLayers },
    ),
    /** Degrees that were tried, in their order: 0, 2, 4, ... */
    tried: list(whole, 'a list of degrees', { most: 65 }),
    tolerance: number,
    largestDegree: count,
    /** Tokens that were read. */
    rows: count,
  }),
);
export type FiniteStateResult = Output<typeof finiteStateResult>;
