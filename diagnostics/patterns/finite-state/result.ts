import * as v from 'valibot';
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, number, object, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';

/** [layers][heads] */
type PerHead = readonly (readonly number[])[];

export interface FiniteStateResult extends Readonly<Record<string, unknown>> {
  /** Smallest even degree of the exponential series within the tolerance; NaN where none of those tried is. */
  readonly degree: PerHead;
  /** log10 of the numbers of state for each channel of a value at that degree, C(d + p, p). */
  readonly digits: PerHead;
  /** Largest |score| before softmax. */
  readonly largestScore: PerHead;
  /** Degrees that were tried, in their order: 0, 2, 4, ... */
  readonly tried: readonly number[];
  /** [layers][heads][tried]: relative error of the outputs, up to the degree that is within the tolerance. */
  readonly errors: readonly (readonly (readonly number[])[])[];
  readonly tolerance: number;
  readonly largestDegree: number;
  /** Tokens that were read. */
  readonly rows: number;
}

const perHead: Schema<PerHead> = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  most: mostLayers,
});

/** As named, which an interface with an index signature leaves out of `keyof`. */
type Named = { readonly [K in keyof FiniteStateResult as string extends K ? never : K]: FiniteStateResult[K] };

export const finiteStateResult: Schema<FiniteStateResult> = v.pipe(
  object<Named>({
    degree: perHead,
    digits: perHead,
    largestScore: perHead,
    errors: list(
      list(list(figure, 'a list of errors', { most: 65 }), 'a list of heads', { most: mostHeads }),
      'a list of layers',
      { most: mostLayers },
    ),
    tried: list(whole, 'a list of degrees', { most: 65 }),
    tolerance: number,
    largestDegree: count,
    rows: count,
  }),
);
