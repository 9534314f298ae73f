/** The result of the experiment `alpha-sweep`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { count, numbers, object, optional, text } from '../../../protocol/schema/fields';
import { armsResult, type ArmsResult } from '../../shared/training/arms';

interface Fields {
  /** Arms `alpha-0` to `alpha-<depth>`. */
  readonly arms: ArmsResult;
  readonly depth: number;
  readonly seeds: number;
  /** By alpha, of one picture. */
  readonly multiplyAdds: readonly number[];
  readonly folder?: string;
}

export interface AlphaSweepResult extends Fields, Readonly<Record<string, unknown>> {}

export const alphaSweepResult: Schema<AlphaSweepResult> = object<Pick<Fields, keyof Fields>>({
  arms: armsResult,
  depth: count,
  seeds: count,
  multiplyAdds: numbers,
  folder: optional(text),
});
