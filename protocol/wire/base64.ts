/** Bytes as text and back, in base64, wherever it is read or written (no DOM, no Buffer). */

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** The character of each six bits, and the six bits of each character. Tables of bytes: results hold megabytes of this. */
const characters = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
const sixBits = new Uint8Array(128);
characters.forEach((character, bits) => (sixBits[character] = bits));
const padding = '='.charCodeAt(0);
/** Letters that become one string at a time. */
const piece = 8192;

export function toBase64(bytes: Uint8Array): string {
  const codes = new Uint8Array(4 * Math.ceil(bytes.length / 3));
  for (let at = 0, to = 0; at < bytes.length; at += 3, to += 4) {
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    codes[to] = characters[group >> 18] ?? 0;
    codes[to + 1] = characters[(group >> 12) & 63] ?? 0;
    codes[to + 2] = characters[(group >> 6) & 63] ?? 0;
    codes[to + 3] = characters[group & 63] ?? 0;
  }
  // Groups that are not full end with as many equals signs as they lack bytes.
  const missing = (3 - (bytes.length % 3)) % 3;
  codes.fill(padding, codes.length - missing);
  const pieces: string[] = [];
  for (let at = 0; at < codes.length; at += piece) {
    // A spread goes through an iterator, which takes several times as long.
    pieces.push(String.fromCharCode.apply(undefined, codes.subarray(at, at + piece) as unknown as number[]));
  }
  return pieces.join('');
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  let { length } = text;
  while (text.charCodeAt(length - 1) === padding) length -= 1;
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  const bitsAt = (at: number): number => (at < length ? (sixBits[text.charCodeAt(at)] ?? 0) : 0);
  for (let at = 0, to = 0; at < length; at += 4, to += 3) {
    const group = (bitsAt(at) << 18) | (bitsAt(at + 1) << 12) | (bitsAt(at + 2) << 6) | bitsAt(at + 3);
    // What lies behind the end is not written.
    bytes[to] = group >> 16;
    bytes[to + 1] = group >> 8;
    bytes[to + 2] = group;
  }
  return bytes;
}

/** Whether the text is so many bytes. */
export const isBase64Of = (text: string, bytes: number): boolean =>
  text.length === 4 * Math.ceil(bytes / 3) && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
