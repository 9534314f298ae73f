/** What requests about models have in common. */
import { deviceField, tokenIds } from '../inputs/prompt';
import {
  outlierRules,
  reinforcedHeads,
  reinforcementExecutors,
  removedPositions,
  vhdDistances,
} from '../interventions/reinforcement';
import { layerField } from '../interventions/fields';
import { removedField } from '../interventions/reinforce';
import type { Output } from '../schema/check';
import { type FieldsOutput, filledText, flag, list, object, oneOf, optional, wholeFrom } from '../schema/fields';
import * as v from 'valibot';

export const seed = wholeFrom(0, 2 ** 32 - 1);
export const position = wholeFrom(0, 1 << 24);
const tile = wholeFrom(0, 1 << 16);

/** A prompt that was tokenised before. */
export const idsFields = {
  ...deviceField,
  folder: filledText,
  ids: tokenIds,
  /** The picture at the image tokens among the ids. */
  image: optional(filledText),
  /** The heads of the vision encoder on this tile of the picture; the ids are then its rows. */
  encoderTile: optional(tile),
};
export type IdsRequest = FieldsOutput<typeof idsFields>;

/** What is left out, and how the two passes are compared. */
export const measureFields = {
  distance: oneOf(vhdDistances),
  outliers: oneOf(outlierRules),
  positions: oneOf(removedPositions),
};
export const spanFields = { removed: removedField, ...measureFields };

export const reinforcementRequest = object({
  // A factor that is not finite is refused where it has words.
  alpha: v.number('a number'),
  outliers: oneOf(outlierRules),
  heads: oneOf(reinforcedHeads),
  normMatched: flag,
  executor: oneOf(reinforcementExecutors),
  seed,
  /** Absent: {1} and the last ceil(14/32 L). */
  layers: optional(list(layerField, 'a list of layers')),
});
export type ReinforcementRequest = Output<typeof reinforcementRequest>;
