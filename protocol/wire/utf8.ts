/**
 * Text of files that may hold bytes that are not UTF-8. A decoder writes U+FFFD for them, as it also stands in texts that are
 * right; so a line that holds some ends in half of a surrogate pair, which UTF-8 cannot write.
 */
export const notUtf8 = '\udcff';

/** Why a line or text is left out. */
export const notUtf8Words = 'it has bytes that are not UTF-8';

/** Whether all of a text was UTF-8 where it was read. */
export const wasUtf8 = (text: string): boolean => !/\p{Surrogate}/u.test(text);

/** The first line, from 1, that was not; undefined where all were. */
export function lineNotUtf8(text: string): number | undefined {
  const at = text.search(/\p{Surrogate}/u);
  return at < 0 ? undefined : text.slice(0, at).split('\n').length;
}
