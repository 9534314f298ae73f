import type { Output, Schema } from '../../../protocol/schema/check';
import { figure, list, object, oneOf, optional, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';

const heads = <T>(item: Schema<T>) =>
  list(list(item, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers });
const bins = list(figure, 'a list of numbers', { most: 64 });

export const positionPreferenceResult = object({
  matched: oneOf(['tokens', 'patches']),
  /** How often the prompt was read one behind the other. */
  copies: whole,
  rows: whole,
  /** Pairs of a query and a key in the groups of the first layer. */
  pairs: whole,
  /** Nats per position (or patch): above 0 the head prefers what is near. */
  slope: heads(figure),
  /** Share of the variance of ln A that lies within groups. */
  share: heads(figure),
  /** [layers][heads][bins] */
  curves: heads(bins),
  /** By bin: smallest distance in it. */
  distances: bins,
  /** Row of the first query; the rows before it are only read. Older results have neither this nor `zeros`. */
  firstQuery: optional(whole),
  /** Pairs that slope and share leave out, because the weight is 0 in float32. */
  zeros: optional(heads(figure)),
});
export type PositionPreferenceResult = Output<typeof positionPreferenceResult>;
