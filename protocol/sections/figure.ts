/** A number of a section: NaN where there is none (null in JSON, which has no NaN). */
export type Figure = number;

/**
 * How numbers become colours and bar lengths.
 * - `sequential`: from `min` (0 where left out) to `max` (the largest where left out)
 * - `diverging`: about 0, as far to one side as to the other
 */
export interface Scale {
  readonly kind: 'sequential' | 'diverging';
  readonly min?: number;
  readonly max?: number;
}
