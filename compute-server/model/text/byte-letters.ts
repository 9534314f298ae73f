/** How byte-level BPE writes bytes in its vocabulary. */

/** GPT-2's letters of bytes (bytes_to_unicode): printable Latin-1 stands for itself, the others follow from U+0100 on. */
const byteOfLetter: ReadonlyMap<string, number> = (() => {
  const letters = new Map<string, number>();
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    letters.set(String.fromCharCode(printable ? byte : next++), byte);
  }
  return letters;
})();

/** A token in letters of bytes, with `<0xE2>` for each byte that has no letter of text. */
export const bytesInWords = (token: string): string =>
  Array.from(token, (letter) => {
    const byte = byteOfLetter.get(letter);
    return byte === undefined ? letter : `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
  }).join('');

const letterOfByte: ReadonlyMap<number, string> = new Map(Array.from(byteOfLetter, ([letter, byte]) => [byte, letter]));

/** The letters of the bytes of a text in UTF-8; `<0xE2>` is one byte. */
export const lettersOfBytes = (text: string): string =>
  text
    .split(/(<0x[0-9A-F]{2}>)/u)
    .map((part, at) => {
      const bytes = at % 2 === 1 ? [parseInt(part.slice(3, 5), 16)] : [...new TextEncoder().encode(part)];
      return bytes.map((byte) => letterOfByte.get(byte) ?? '').join('');
    })
    .join('');
