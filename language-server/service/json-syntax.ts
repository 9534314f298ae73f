import { parse } from 'jsonc-parser';
import type { ParseError } from 'jsonc-parser';
import { parseConfig, replaceBareNumbers } from '../../models/formats/config/parse-config';
import type { Fix } from './finding';
import type { Span } from './json-document';
import { own } from './own';

/** The first fault of a text that is no JSON; the message says what to do. */
export interface SyntaxFault {
  readonly span: Span;
  readonly message: string;
  /** Where only one thing can have been meant. */
  readonly fix?: Pick<Fix, 'title' | 'changes'>;
}

/** `ParseErrorCode` of jsonc-parser 3.3, which is a constant of its declarations alone. */
const said: Readonly<Record<number, string>> = {
  1: 'This is not a value that JSON has.',
  2: 'This is not a number as JSON writes them.',
  3: 'A key in double quotes is missing here.',
  4: 'A value is missing here.',
  5: 'A colon is missing here.',
  6: 'A comma is missing here.',
  7: 'A closing brace is missing here.',
  8: 'A closing bracket is missing here.',
  9: 'There is text after the end of the JSON value.',
  10: 'JSON has no comments.',
  11: 'JSON has no comments.',
  12: 'A text has no closing quote.',
  13: 'A number ends in the middle.',
  14: 'A \\u in a text needs four hexadecimal digits.',
  15: 'A backslash precedes a character that needs none.',
  16: 'A string holds a control character; write it as \\n, \\t or \\u0000.',
};
const wordOf: Readonly<Record<string, string>> = { True: 'true', False: 'false', None: 'null', undefined: 'null' };
const python: ReadonlySet<string> = new Set(['True', 'False', 'None']);
const closing: Readonly<Record<string, string>> = { '}': 'brace', ']': 'bracket' };

/** What people mean by the character at a fault, where it says more than the parser. */
const meantBy = (text: string, { error, offset, length }: ParseError): string | undefined => {
  const word = text.slice(offset, offset + length);
  const first = text.charAt(offset);
  const meant = own(wordOf, word);
  if (meant !== undefined) return `"${word}" is not a JSON value; JSON writes ${meant}.`;
  if (first === "'") return 'These are single quotes, and JSON has double quotes only.';
  if (first === '#' || (first === '/' && /[/*]/.test(text.charAt(offset + 1)))) return 'JSON has no comments.';
  const close = own(closing, first);
  if (close !== undefined && commaBefore(text, error, offset) !== undefined)
    return `The comma before this closing ${close} is one too many.`;
  return undefined;
};

/** The place of a comma that stands before a closing bracket. */
const commaBefore = (text: string, error: number, offset: number): number | undefined => {
  const from = Math.max(0, offset - 1000);
  const comma = error <= 4 && /[}\]]/.test(text.charAt(offset)) ? /,\s*$/.exec(text.slice(from, offset)) : null;
  return comma === null ? undefined : from + comma.index;
};

const fixOf = (text: string, { error, offset, length }: ParseError): SyntaxFault['fix'] => {
  const word = text.slice(offset, offset + length);
  const meant = python.has(word) ? own(wordOf, word) : undefined;
  if (meant !== undefined) return { title: `Change to ${meant}`, changes: [{ offset, length, text: meant }] };
  const comma = commaBefore(text, error, offset);
  return comma === undefined
    ? undefined
    : { title: 'Remove the comma', changes: [{ offset: comma, length: 1, text: '' }] };
};

const advice = 'No loader reads the file.';

/**
 * Where and why a text is no JSON; undefined of one that Python's json reads, which takes NaN and Infinity too. The editor has
 * its own diagnostics for this.
 */
export const syntaxFault = (text: string): SyntaxFault | undefined => {
  if (parseConfig(text).ok) return undefined;
  const at = (offset: number, length: number, words: string): SyntaxFault => ({
    span: { offset, length },
    message: words,
  });
  const trimmed = text.trimEnd();
  if (trimmed === '') return at(0, 0, 'The file is empty. Download it again.');
  if (text.startsWith('version https://git-lfs'))
    return at(0, 0, 'The file is a git-lfs pointer. Run "git lfs pull" in the folder to fetch it.');
  const conflict = /^<{7} /m.exec(text);
  if (conflict !== null)
    return at(conflict.index, 7, 'Both sides of a merge stand here, between the marks of git. Resolve the conflict.');
  if (text.trimStart().startsWith('<')) return at(0, 1, 'The file is a web page and no JSON. Download it again.');
  const errors: ParseError[] = [];
  // As many characters as before, so that places stay.
  const plain = replaceBareNumbers(text, (word) => '1'.repeat(word.length));
  parse(plain, errors, { disallowComments: true, allowTrailingComma: false });
  const [first] = errors;
  if (first === undefined) return at(0, 1, `The file is no JSON. ${advice}`);
  const isAtEnd =
    first.offset > 0 &&
    first.offset + first.length >= trimmed.length &&
    (first.error as number) !== 9 &&
    !/[}\]]$/.test(trimmed);
  if (isAtEnd || first.offset >= trimmed.length)
    return at(trimmed.length, 0, `The file ends in the middle. ${advice} Download it again.`);
  const fix = fixOf(plain, first);
  return {
    ...at(first.offset, first.length, `${meantBy(plain, first) ?? said[first.error] ?? 'This is no JSON.'} ${advice}`),
    ...(fix === undefined ? {} : { fix }),
  };
};
