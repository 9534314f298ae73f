/** What a person gives a model to read, and where it runs. */
import { weightChoice } from './weights';
import type { Output, Schema } from '../schema/check';

import { byKind, filledText, flag, list, optional, text, wholeFrom } from '../schema/fields';

export const tokenIds: Schema<readonly number[]> = list(wholeFrom(0, 2 ** 31 - 1), 'a list of token ids');
const tile = wholeFrom(0, 1 << 16);

const promptKinds = {
  // An empty text is refused where its tokens are counted.
  text: { text, chat: optional(flag), image: optional(filledText), target: optional(text) },
  ids: { ids: tokenIds, image: optional(filledText), target: optional(tokenIds) },
};

/**
 * Text, or token ids as they are; `chat` puts the text into the model's chat template as one user message. `image` is the
 * path of a picture that stands at the image token of the prompt (or where the family puts it by itself); a text without one
 * goes through the chat template, and the answer says so (`chatPrompt`).
 *
 * For an encoder-decoder the text (or the ids) is the source, which the encoder reads, and `target` is what the decoder has written:
 * a text behind the token that the decoder starts with, or the rows of the decoder as they are, that token included. Absent: the
 * model writes it. A model without such a decoder refuses a target.
 */
export const promptInput = byKind(promptKinds);
export type PromptInput = Output<typeof promptInput>;
/** A counterpart without a target has that of the prompt. */
export function withTargetOf(counterpart: PromptInput, { kind, target }: PromptInput): PromptInput {
  if (target === undefined || counterpart.target !== undefined || counterpart.kind !== kind) return counterpart;
  return { ...counterpart, target } as PromptInput;
}
export const promptOrImage = byKind({
  ...promptKinds,
  image: {
    image: filledText,
    /** From 0; absent: the first. */
    tile: optional(tile),
  },
});
/** A picture alone, for the heads of the vision encoder: its rows are the patches of one tile. */
export type EncoderInput = Extract<Output<typeof promptOrImage>, { readonly kind: 'image' }>;

/**
 * Where the model runs: an id of the list of devices; one that this machine does not know is refused where the devices are. Absent: the
 * device that the process was started with (the setting, or `--device`). One model is open at a time, on one device: a request for
 * another device opens it there again. The same holds for `weights`, how it is held while it is open, and for `adapter`, the folder of an
 * adapter (PEFT) that is put on the model; absent: as the process was started.
 */
export const whereFields = {
  device: optional(filledText),
  weights: optional(weightChoice),
  adapter: optional(filledText),
};
