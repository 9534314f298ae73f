/**
 * Text from files, on its way to a person: names of models, tensors, tokens and files may hold characters that steer a
 * terminal (escape sequences clear the screen, set the title, fill the clipboard) or turn what is read round.
 */

/**
 * C0 controls but for tab and newline, delete, C1 controls (xterm takes U+009B as ESC [), line and paragraph separators, and
 * the bidirectional controls of Unicode (UAX 9, section 2).
 */
const steering = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * The text with each such character as the six characters of its JSON escape, `\u001b`: so JSON that was written by
 * `JSON.stringify` still says the same, since such a character stands only inside its strings.
 */
export const printable = (text: string): string => text.replace(steering, escaped);

/** The same for a cell or a line of its own: newlines and tabs would start another. */
export const printableLine = (text: string): string => printable(text).replace(/[\t\n]/g, escaped);
