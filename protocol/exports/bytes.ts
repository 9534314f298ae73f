/** Bytes that are put together, and values as the bytes of files. Everything is little-endian. */

/** Its characters; half of one (a lone surrogate) counts as U+FFFD, as in every encoder of the web. */
export const codePoints = (text: string): readonly number[] =>
  Array.from(text, (character) => {
    const point = character.codePointAt(0) ?? 0xfffd;
    return point >= 0xd800 && point <= 0xdfff ? 0xfffd : point;
  });

/** UTF-8 (RFC 3629). Neither the DOM nor node is at hand in this room. */
export function utf8(text: string): Uint8Array {
  const bytes = new Uint8Array(3 * text.length);
  let at = 0;
  for (const point of codePoints(text)) {
    const further = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    bytes[at++] = further === 0 ? point : ((0xff00 >> (further + 1)) & 0xff) | (point >> (6 * further));
    for (let rest = further - 1; rest >= 0; rest -= 1) bytes[at++] = 0x80 | ((point >> (6 * rest)) & 0x3f);
  }
  return bytes.slice(0, at);
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Zeros up to the next multiple. */
export const padding = (length: number, multiple: number): Uint8Array =>
  new Uint8Array((multiple - (length % multiple)) % multiple);

/** IEEE 754, 8 bytes each. */
export function float64Bytes(values: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(8 * values.length);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < values.length; at += 1) view.setFloat64(8 * at, values[at] ?? Number.NaN, true);
  return bytes;
}

/** Two's complement, 8 bytes each. */
export function int64Bytes(values: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(8 * values.length);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < values.length; at += 1) view.setBigInt64(8 * at, BigInt(values[at] ?? 0), true);
  return bytes;
}
