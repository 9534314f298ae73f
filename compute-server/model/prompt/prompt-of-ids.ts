import type { IdsRequest } from '../../../protocol/compute/models';
import type { EncoderInput, PromptInput } from '../../../protocol/inputs/prompt';
import { refusal } from '../../../protocol/wire/failures';

/** What a request by ids reads: the text, or a tile of the picture through the encoder. */
export function promptOfIds({ ids, image, encoderTile }: IdsRequest): PromptInput | EncoderInput {
  if (encoderTile === undefined) return { kind: 'ids', ids, ...(image === undefined ? {} : { image }) };
  if (image === undefined) {
    const detail = 'encoderTile names a tile of an image, and there is no image';
    throw refusal(detail);
  }
  return { kind: 'image', image, tile: encoderTile };
}
