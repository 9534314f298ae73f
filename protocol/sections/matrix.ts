/**
 * The attention of one head on one prompt, queries down and keys across. The probabilities are not in the section: whoever shows
 * it asks for the part that is looked at, in tiles, and for the rows of chosen queries. A matrix that comes whole is a `map`.
 */
import { type KindOutput, figure, flag, list, optional, text, wholeFrom } from '../schema/fields';
import { base, stack, mostCells, mostTokens, place, tokenIds } from './section-base';

export const matrix = {
  ...base,
  of: place,
  /** Heads of the encoder, or of cross-attention; absent: those of the model, or of the decoder of an encoder-decoder. */
  stack: optional(stack),
  /** Texts of the queries, which are the keys too where `keys` is absent. */
  tokens: list(text, 'a list of tokens', { most: mostTokens }),
  tokenIds: optional(tokenIds),
  /** Texts of the keys of cross-attention: the tokens of the source. */
  keys: optional(list(text, 'a list of tokens', { most: mostTokens })),
  keyIds: optional(tokenIds),
  /** No query reads a key behind it. */
  causal: flag,
  /** Which prompt of the result was read, from 0; absent: the first. */
  prompt: optional(wholeFrom(0, mostCells)),
  /** Mean mass of each block of keys over all queries, drawn above the matrix where it is too long to be at hand as a whole. */
  blocks: optional(list(figure, 'a list of numbers', { most: mostTokens })),
};
export type MatrixSection = KindOutput<'matrix', typeof matrix>;
