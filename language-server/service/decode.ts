import { isUtf8 } from 'node:buffer';
import type { SyntaxFault } from './json-syntax';

/** The bytes of a file as text, and what of them no loader decodes. */
export interface Decoded {
  readonly text: string;
  readonly fault?: SyntaxFault;
}

const at = (offset: number, message: string): SyntaxFault => ({ span: { offset, length: 0 }, message });

/** In which order UTF-16 puts its bytes; undefined of a text that is none. JSON starts with a bracket, a quote or a space. */
const utf16Of = ([first, second]: Uint8Array): 'little' | 'big' | undefined => {
  if (first === undefined || second === undefined) return undefined;
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0)) return 'little';
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== 0)) return 'big';
  return undefined;
};

/** Where the decoder put a replacement for bytes that are no UTF-8, and the file has none of its own. */
const firstReplaced = (text: string, bytes: Buffer): number => {
  let index = text.indexOf('\ufffd');
  let position = Buffer.byteLength(text.slice(0, index));
  while (index !== -1 && bytes.readUIntBE(position, Math.min(3, bytes.length - position)) === 0xefbfbd) {
    const next = text.indexOf('\ufffd', index + 1);
    position += Buffer.byteLength(text.slice(index, next));
    index = next;
  }
  return Math.max(0, index);
};

/**
 * Decodes as a loader does: transformers opens its files as UTF-8 and hands the text to Python's json, which refuses a byte
 * order mark (CPython 3.13: "Unexpected UTF-8 BOM"). What is decoded otherwise is read all the same, and reported.
 */
export const decode = (bytes: Buffer): Decoded => {
  const order = utf16Of(bytes);
  if (order !== undefined) {
    const even = Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 2)));
    const text = (order === 'big' ? even.swap16() : even).toString('utf16le').replace(/^\ufeff/, '');
    return { text, fault: at(0, 'The file is UTF-16, and loaders read UTF-8. Save it as UTF-8.') };
  }
  const text = bytes.toString('utf8');
  if (!isUtf8(bytes)) {
    return {
      text,
      fault: at(
        firstReplaced(text, bytes),
        'The bytes from here are no UTF-8, and no loader reads the file. Save it as UTF-8.',
      ),
    };
  }
  if (text.startsWith('\ufeff')) {
    return {
      text: text.slice(1),
      fault: at(
        0,
        "The file starts with a byte order mark, which Python's json and so transformers refuse. Save it as UTF-8 without one.",
      ),
    };
  }
  return { text };
};
