/** The result of the experiment `alpha-sweep`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { count, numbers, object, optional, text } from '../../../protocol/schema/fields';
import { armsResult } from '../../shared/training/arms';

export const alphaSweepResult = object({
  /** Arms `alpha-0` to `alpha-<depth>`. */
  arms: armsResult,
  depth: count,
  seeds: count,
  /** By alpha, of one picture. */
  multiplyAdds: numbers,
  folder: optional(text),
});
export type AlphaSweepResult = Output<typeof alphaSweepResult>;
