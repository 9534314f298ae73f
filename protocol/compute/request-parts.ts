import { deviceField, tokenIds } from '../inputs/prompt';
/** What requests about models have in common. */
import type { ReinforcementRequest } from './hallucination';
import type { IdsRequest } from './models';
import {
  outlierRules,
  reinforcedHeads,
  reinforcementExecutors,
  removedPositions,
  vhdDistances,
} from '../interventions/reinforcement';
import { layerField } from '../interventions/fields';
import { removedField } from '../interventions/reinforce';
import type { Schema } from '../schema/check';
import { filledText, flag, list, object, oneOf, optional, wholeFrom, type Fields } from '../schema/fields';
import * as v from 'valibot';

export const seed = wholeFrom(0, 2 ** 32 - 1);
export const position = wholeFrom(0, 1 << 24);
const tile = wholeFrom(0, 1 << 16);

export const idsFields: Fields<IdsRequest> = {
  ...deviceField,
  folder: filledText,
  ids: tokenIds,
  image: optional(filledText),
  encoderTile: optional(tile),
};

/** What is left out, and how the two passes are compared. */
export const measureFields = {
  distance: oneOf(vhdDistances),
  outliers: oneOf(outlierRules),
  positions: oneOf(removedPositions),
};
export const spanFields = { removed: removedField, ...measureFields };

export const reinforcementRequest: Schema<ReinforcementRequest> = object<ReinforcementRequest>({
  // A factor that is not finite is refused where it has words.
  alpha: v.number('a number'),
  outliers: oneOf(outlierRules),
  heads: oneOf(reinforcedHeads),
  normMatched: flag,
  executor: oneOf(reinforcementExecutors),
  seed,
  layers: optional(list(layerField, 'a list of layers')),
});
