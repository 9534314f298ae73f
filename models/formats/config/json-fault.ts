import { printParseErrorCode, visit } from 'jsonc-parser';

/** Thrown out of the visitor: what follows the first fault is not looked at. */
class Fault extends Error {}

/**
 * Place and kind of the first fault, as `parseJsonText` of protocol says it, which this room does not know. Never a word of the
 * file, which may be none of ours.
 */
export function jsonFault(text: string): string {
  if (text.trim() === '') return 'it is empty';
  try {
    visit(
      text,
      {
        onError(code, _offset, _length, line, column) {
          const place = text.includes('\n') ? `line ${line + 1}, column ${column + 1}` : `column ${column + 1}`;
          const kind = printParseErrorCode(code).replace(/(?<=.)[A-Z]/g, (letter) => ` ${letter}`);
          throw new Fault(`${place}: ${kind.toLowerCase()}`);
        },
      },
      { disallowComments: true, allowTrailingComma: false },
    );
  } catch (error) {
    if (error instanceof Fault) return error.message;
    // The visitor calls itself for each level.
    if (error instanceof RangeError) return 'it nests too deep';
    throw error;
  }
  return 'it has a character that JSON does not allow';
}
