/** What requests about models have in common. */
import type { ReinforcementRequest } from './hallucination';
import type { EncoderInput, IdsRequest, PromptInput } from './models';
import {
  outlierRules,
  reinforcedHeads,
  reinforcementExecutors,
  removedPositions,
  vhdDistances,
} from '../results/reinforcement';
import { layerField } from '../interventions/fields';
import { removedField } from '../interventions/reinforce';
import type { Schema } from '../schema/check';
import {
  byKind,
  filledText,
  flag,
  list,
  object,
  oneOf,
  optional,
  text,
  wholeFrom,
  type Fields,
} from '../schema/fields';
import * as v from 'valibot';

export const seed = wholeFrom(0, 2 ** 32 - 1);
export const position = wholeFrom(0, 1 << 24);
export const tokenIds: Schema<readonly number[]> = list(wholeFrom(0, 2 ** 31 - 1), 'a list of token ids');
const tile = wholeFrom(0, 1 << 16);

const promptKinds = {
  // An empty text is refused where its tokens are counted.
  text: { text, chat: optional(flag), image: optional(filledText) },
  ids: { ids: tokenIds, image: optional(filledText) },
};

export const promptInput: Schema<PromptInput> = byKind<PromptInput>(promptKinds);

export const promptOrImage: Schema<PromptInput | EncoderInput> = byKind<PromptInput | EncoderInput>({
  ...promptKinds,
  image: { image: filledText, tile: optional(tile) },
});

/** An id that this machine does not know is refused where the devices are. */
export const deviceField = { device: optional(filledText) };

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
