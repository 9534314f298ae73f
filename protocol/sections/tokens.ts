/** A text as a ribbon of tokens, each with a value, a class, or both. */
import { type KindOutput, flag, list, oneOf, optional, text } from '../schema/fields';
import { base, classesOfTokens, mostTokens, numbersOfTokens, tokenIds } from './section-base';

export const tokens = {
  ...base,
  tokens: list(text, 'a list of tokens', { most: mostTokens }),
  tokenIds: optional(tokenIds),
  /** The text is the source or the target of an encoder-decoder: its tokens are looked at in the grids of heads that read them. */
  side: optional(oneOf(['source', 'target'])),
  numbers: numbersOfTokens('a list of numbers of tokens'),
  classes: optional(classesOfTokens),
  /** The text can be asked for once more with scaled heads: a question of the kind `variant`. */
  variants: optional(flag),
};
export type TokensSection = KindOutput<'tokens', typeof tokens>;
