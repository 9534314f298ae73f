/** Words of a caption among its tokens. */

/** The token in which character `at` of the joined texts stands; undefined behind their end. */
export function tokenAt(texts: readonly string[], at: number): number | undefined {
  let end = 0;
  for (const [token, text] of texts.entries()) {
    end += text.length;
    if (at < end) return token;
  }
  return undefined;
}
