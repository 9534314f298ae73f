/** Tokens where there is no model: words with the space before them, and single signs. A task is tried out with them. */
import { TaskTokens } from './task-tokens';

const vocabulary = 1 << 16;
/** Ids from here on are given to words as they come. */
const firstOfWords = vocabulary / 2;
const pieces = /\s?[\p{L}\p{N}]+|\s?[^\s\p{L}\p{N}]|\s/gu;
/** A token that no word has yet, as text: it is read as the same token again. */
const numbered = /^ w(\d{1,5})$/u;

export function standInTokens(): TaskTokens {
  const ids = new Map<string, number>();
  const words = new Map<number, string>();
  const idOf = (piece: string): number => {
    const number = Number(numbered.exec(piece)?.[1] ?? NaN);
    if (number < vocabulary && !words.has(number)) return number;
    const id = ids.get(piece) ?? firstOfWords + (ids.size % (vocabulary - firstOfWords));
    ids.set(piece, id);
    words.set(id, piece);
    return id;
  };
  return new TaskTokens(
    (text) => Array.from(text.matchAll(pieces), ([piece]) => idOf(piece)),
    (given) => given.map((id) => words.get(id) ?? ` w${id}`).join(''),
    [],
    vocabulary,
    [],
    undefined,
  );
}
