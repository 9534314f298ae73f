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
    // The space of a first token may be one that the tokenizer put in front of the text.
    const ways = [piece, piece.trimStart()].filter((way) => way !== '');
    const [range] = ways.flatMap((way) =>
      [text.slice(at, reach).indexOf(way), sameCase.slice(at, reach).indexOf(way.toLowerCase())]
        .filter((index) => index >= 0 && (unmatched > 0 || text.slice(at, at + index).trim() === ''))
        .map((index) => [at + index, at + index + way.length] as const),
    );
    if (range === undefined) {
      unmatched++;
      continue;
    }
    close(range[0]);
    ranges.push(range);
    at = range[1];
  }
  close(text.slice(at).trim() === '' ? at : text.length);
  return ranges;
}
