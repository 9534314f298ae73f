/**
 * JSON from outside. `JSON.parse` quotes the text around a fault, and a file may be none of ours: a link leads to it, or a path
 * was mistyped, and what is printed stands in the log of a CI run. So a fault is its place and its kind.
 */
import { printParseErrorCode, visit } from 'jsonc-parser';
import { notUtf8Words, wasUtf8 } from './utf8';

export type JsonText =
  | { readonly ok: true; readonly value: unknown }
  /** `line 3, column 7: comma expected`, or `column 7: comma expected` in a text of one line. */
  | { readonly ok: false; readonly fault: string };

export function parseJsonText(text: string): JsonText {
  if (!wasUtf8(text)) return { ok: false, fault: notUtf8Words };
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    return { ok: false, fault: jsonFault(text) };
  }
}

/** Thrown out of the visitor: what follows the first fault is not looked at. */
class Fault extends Error {}

function jsonFault(text: string): string {
  if (text.trim() === '') return 'it is empty';
  try {
    visit(
      text,
      {
        onError(code, _offset, _length, line, column) {
          const place = text.includes('\n') ? `line ${line + 1}, column ${column + 1}` : `column ${column + 1}`;
          // `CommaExpected`.
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
