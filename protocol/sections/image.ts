/** Values over the patches of a picture. */
import { type KindOutput, list, object, optional, text, wholeFrom } from '../schema/fields';
import { imageSpan } from '../schema/parts';
import { base, classesOfTokens, mostNumbers, mostTokens, numbersOfTokens } from './section-base';

const imageTokens = list(wholeFrom(0, mostTokens), 'a list of image tokens', { most: mostTokens });

export const image = {
  ...base,
  /** Where the picture lies (its path is read by the extension, never by a webview) and which token shows which part. */
  image: imageSpan,
  numbers: numbersOfTokens('a list of numbers of image tokens'),
  classes: optional(classesOfTokens),
  /**
   * Image tokens that are hatched and left out of the colour scale: an attention sink would leave the rest dark. `title` says
   * what they are, as in `a sink, not a finding`.
   */
  apart: optional(object({ title: text, definition: text, tokens: imageTokens })),
  /** Parts of the picture with a line around them, each by its image tokens. */
  outlined: optional(
    list(object({ name: text, tokens: imageTokens }), 'a list of parts of the picture', { most: mostNumbers }),
  ),
};
export type ImageSection = KindOutput<'image', typeof image>;
