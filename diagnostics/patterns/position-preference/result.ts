import type { Schema } from '../../../protocol/schema/check';
import { figure, list, object, oneOf, optional, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';

/** [layers][heads]; NaN where none was measured. */
type PerHead = readonly (readonly number[])[];

export interface PositionPreferenceResult extends Readonly<Record<string, unknown>> {
  readonly matched: 'tokens' | 'patches';
  /** How often the prompt was read one behind the other. */
  readonly copies: number;
  readonly rows: number;
  /** Pairs of a query and a key in the groups of the first layer. */
  readonly pairs: number;
  /** Nats per position (or patch): above 0 the head prefers what is near. */
  readonly slope: PerHead;
  /** Of the variance of ln A within groups. */
  readonly share: PerHead;
  /** [layers][heads][bins] */
  readonly curves: readonly (readonly (readonly number[])[])[];
  /** By bin: smallest distance in it. */
  readonly distances: readonly number[];
  /** Row of the first query; the rows before it are only read. Older results have neither this nor `zeros`. */
  readonly firstQuery?: number;
  /** Pairs that slope and share leave out, because the weight is 0 in float32. */
  readonly zeros?: PerHead;
}

type Named = {
  readonly [K in keyof PositionPreferenceResult as string extends K ? never : K]: PositionPreferenceResult[K];
};

const heads = <T>(item: Schema<T>) =>
  list(list(item, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers });
const bins = list(figure, 'a list of numbers', { most: 64 });

export const positionPreferenceResult: Schema<PositionPreferenceResult> = object<Named>({
  matched: oneOf(['tokens', 'patches']),
  copies: whole,
  rows: whole,
  pairs: whole,
  slope: heads(figure),
  share: heads(figure),
  curves: heads(bins),
  distances: bins,
  firstQuery: optional(whole),
  zeros: optional(heads(figure)),
});
