import { isUtf8 } from 'node:buffer';
import { notUtf8 } from '../../protocol/wire/utf8';

/** The text of a file; each line that is not UTF-8 is marked, for whoever reads the lines to leave it out by name. */
export function utf8Lines(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const lines: string[] = [];
  for (let from = 0; from <= bytes.length;) {
    const found = bytes.indexOf(10, from);
    const end = found < 0 ? bytes.length : found;
    const line = bytes.subarray(from, end);
    lines.push(isUtf8(line) ? line.toString('utf8') : marked(line.toString('utf8')));
    from = end + 1;
  }
  return lines.join('\n');
}

/** Before the carriage return of a line that ends in both. */
const marked = (line: string): string => line.replace(/\r?$/, (end) => notUtf8 + end);

/** Without the character that the end of the bytes cuts in two, of which there are at most three. */
export function wholeCharacters(bytes: Buffer): Buffer {
  for (let short = 1; short <= Math.min(3, bytes.length); short += 1) {
    const byte = bytes[bytes.length - short] ?? 0;
    if (byte < 0x80) break;
    // The first byte of a character says how many it has.
    if (byte >= 0xc0) return short < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? bytes.subarray(0, -short) : bytes;
  }
  return bytes;
}
