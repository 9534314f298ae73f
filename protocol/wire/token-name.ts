/**
 * How tokens are written for a person, on every screen, in every sentence and in the terminal: a space has a mark of its own,
 * so that `Paris` and `␣Paris` are two names. What is written can be typed (`typedToken`).
 */

/** Marks of white space. They are rare in text, unlike a middle dot or an arrow. */
const marks: ReadonlyMap<string, string> = new Map([
  [' ', '␣'],
  ['\n', '↵'],
  ['\t', '⇥'],
  ['\r', '␍'],
]);
const marked: ReadonlyMap<string, string> = new Map(Array.from(marks, ([character, mark]) => [mark, character]));

/**
 * Characters that have no picture of their own or steer what is read (controls, formats, other spaces, separators), and the
 * marks themselves, which would be taken for white space.
 */
const unseen = /[\p{Cc}\p{Cf}\p{Zs}\p{Zl}\p{Zp}␣↵⇥␍]/gu;

const codePoint = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

/** `␣Paris`; a character that cannot be seen as `<U+00A0>`; nothing as `∅`. */
export const shownToken = (token: string): string =>
  token === '' ? '∅' : token.replaceAll(unseen, (character) => marks.get(character) ?? `<${codePoint(character)}>`);

/** In a sentence: `"␣Paris"`. */
export const quotedToken = (token: string): string => `"${shownToken(token)}"`;

/** The text of a token that a person typed, with its spaces as spaces or as they are shown. */
export const typedToken = (typed: string): string =>
  typed.replaceAll(/<U\+([0-9A-F]{4,6})>|[␣↵⇥␍]/gu, (written, code: string | undefined) => {
    if (code === undefined) return marked.get(written) ?? written;
    const point = parseInt(code, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : written;
  });

/** `"é" (U+00E9)`: a character in a sentence about it. */
export const namedCharacter = (character: string): string => `${quotedToken(character)} (${codePoint(character)})`;
