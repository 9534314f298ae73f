/** Where the pieces of a tokenised text are in the text. */

/** Characters that one piece which is not found as it is (bytes of a character, a normalised letter) may stand for. */
const charactersOfUnmatched = 8;

/**
 * Half-open ranges, one per piece, in order. Pieces are looked for where the one before ended, white space between them left
 * out, in the case of the text or in another. Pieces that are not found share the text up to the next one that is: the three
 * byte tokens of a character all have its range. Special tokens, which stand for no text, have an empty range.
 */
export function offsetsOf(text: string, pieces: readonly string[]): readonly (readonly [start: number, end: number])[] {
  const lower = text.toLowerCase();
  const sameCase = lower.length === text.length ? lower : text;
  const ranges: (readonly [number, number])[] = [];
  let at = 0;
  let unmatched = 0;
  const close = (end: number): void => {
    for (; unmatched > 0; unmatched--) ranges.push([at, end]);
  };
  for (const piece of pieces) {
    const reach = at + unmatched * charactersOfUnmatched + piece.length + charactersOfUnmatched;
    const found = [text.slice(at, reach).indexOf(piece), sameCase.slice(at, reach).indexOf(piece.toLowerCase())].find(
      (index) => index >= 0 && (unmatched > 0 || text.slice(at, at + index).trim() === ''),
    );
    if (found === undefined || piece === '') {
      unmatched++;
      continue;
    }
    close(at + found);
    ranges.push([at + found, at + found + piece.length]);
    at += found + piece.length;
  }
  close(text.slice(at).trim() === '' ? at : text.length);
  return ranges;
}
