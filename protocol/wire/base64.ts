/** Bytes as text and back, in base64, wherever it is read or written (no DOM, no Buffer). */

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const codes = new Map([...letters].map((letter, code) => [letter.charCodeAt(0), code]));
/** Letters that become one string at a time. */
const piece = 8192;

export function toBase64(bytes: Uint8Array): string {
  const codesOf = new Uint8Array(4 * Math.ceil(bytes.length / 3));
  for (let at = 0, to = 0; at < bytes.length; at += 3) {
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    for (let shift = 18; shift >= 0; shift -= 6) codesOf[to++] = letters.charCodeAt((group >> shift) & 63);
  }
  // Groups that are not full end with as many equals signs as they lack bytes.
  const missing = (3 - (bytes.length % 3)) % 3;
  codesOf.fill('='.charCodeAt(0), codesOf.length - missing);
  const pieces: string[] = [];
  for (let at = 0; at < codesOf.length; at += piece) {
    pieces.push(String.fromCharCode(...codesOf.subarray(at, at + piece)));
  }
  return pieces.join('');
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const length = text.replace(/=+$/, '').length;
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  for (let at = 0, to = 0; at < length; at += 4) {
    let group = 0;
    for (let place = 0; place < 4; place++) group = (group << 6) | (codes.get(text.charCodeAt(at + place)) ?? 0);
    for (let shift = 16; shift >= 0 && to < bytes.length; shift -= 8) bytes[to++] = (group >> shift) & 255;
  }
  return bytes;
}

/** Whether the text is so many bytes. */
export const isBase64Of = (text: string, bytes: number): boolean =>
  text.length === 4 * Math.ceil(bytes / 3) && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
