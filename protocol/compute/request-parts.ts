/** What requests about models have in common. */
import { stack } from '../sections/section-base';
import { whereFields, tokenIds } from '../inputs/prompt';
import { type FieldsOutput, filledText, optional, wholeFrom } from '../schema/fields';

export const seed = wholeFrom(0, 2 ** 32 - 1);
export const position = wholeFrom(0, 1 << 24);
const tile = wholeFrom(0, 1 << 16);

/** A prompt that was tokenised before. */
export const idsFields = {
  ...whereFields,
  folder: filledText,
  ids: tokenIds,
  /** The picture at the image tokens among the ids. */
  image: optional(filledText),
  /** The heads of the vision encoder on this tile of the picture; the ids are then its rows. */
  encoderTile: optional(tile),
  /** For an encoder-decoder: what its encoder reads; the ids are the rows of the decoder. */
  source: optional(tokenIds),
  /** Its heads are those of the encoder, or of cross-attention; absent: those of the decoder. */
  stack: optional(stack),
};
export type IdsRequest = FieldsOutput<typeof idsFields>;
