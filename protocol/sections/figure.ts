import type { Output } from '../schema/check';
import { number, object, oneOf, optional } from '../schema/fields';

/** A number of a section: NaN where there is none (null in JSON, which has no NaN). */
export type Figure = number;

/**
 * How numbers become colours and bar lengths.
 * - `sequential`: from `min` (0 where left out) to `max` (the largest where left out)
 * - `diverging`: about 0, as far to one side as to the other
 */
export const scale = object({
  kind: oneOf(['sequential', 'diverging']),
  min: optional(number),
  max: optional(number),
  /**
   * How a sequential scale spreads its numbers where a person has chosen nothing else: `log` over the three decades below its
   * end, `root` by the square root of their share of the end, so that weights of a few percent are seen. Absent: evenly.
   */
  curve: optional(oneOf(['log', 'root'])),
});
export type Scale = Output<typeof scale>;
