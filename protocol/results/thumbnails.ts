/** Pictures of heads as text and back (little-endian float32 in base64), and as a grid of heads draws them. */
import type { HeadPictures } from '../sections/heads';
import { fromBase64, toBase64 } from '../wire/base64';
import type { HeadThumbnails } from './heads';
import type { WrittenThumbnails } from './heads-schema';

/** Every machine that Headscope runs on is one; the other way round is there for the day that one is not. */
const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

export function writtenThumbnails({ size, layers, heads, data }: HeadThumbnails): WrittenThumbnails {
  return { size, layers, heads, encoding: 'float32-base64', data: toBase64(bytesOf(data)) };
}

function bytesOf(data: Float32Array): Uint8Array {
  if (isLittleEndian) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const view = new DataView(new ArrayBuffer(4 * data.length));
  data.forEach((number, at) => view.setFloat32(4 * at, number, true));
  return new Uint8Array(view.buffer);
}

function numbersOf(bytes: Uint8Array<ArrayBuffer>): Float32Array {
  const length = Math.floor(bytes.length / 4);
  if (isLittleEndian) return new Float32Array(bytes.buffer, 0, length);
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length }, (_, at) => view.getFloat32(4 * at, true));
}

export function readThumbnails({ size, layers, heads, data }: WrittenThumbnails): HeadThumbnails {
  return { size, layers, heads, data: numbersOf(fromBase64(data)) };
}

/** The byte of a signed picture that stands for 0. */
export const signedMiddle = 128;

/**
 * A byte is sqrt(mass / largest mass of the head) x 255, rounded: the square root shows faint structure, the scale of its own lets a
 * diffuse head be seen beside a sharp one. Signed weights go both ways from the middle. Blocks beyond the tokens are left out.
 */
export function picturesOf(
  { size, layers, heads, data }: HeadThumbnails,
  tokens: number,
  signed = false,
): HeadPictures {
  const side = Math.max(1, Math.min(size, tokens));
  const bytes = new Uint8Array(layers * heads * side * side);
  for (let head = 0, to = 0; head < layers * heads; head++) {
    const from = head * size * size;
    let largest = 0;
    for (let row = 0; row < side; row++)
      for (let at = from + row * size; at < from + row * size + side; at++) {
        const mass = Math.abs(data[at] ?? 0);
        if (mass > largest) largest = mass;
      }
    for (let row = 0; row < side; row++)
      for (let at = from + row * size; at < from + row * size + side; at++, to++) {
        const mass = data[at] ?? 0;
        const share = largest > 0 ? Math.sqrt(Math.abs(mass) / largest) : 0;
        if (signed) bytes[to] = signedMiddle + Math.sign(mass) * Math.round(127 * share);
        else if (mass > 0) bytes[to] = Math.round(255 * share);
      }
  }
  const pictures = { size: side, layers, heads, encoding: 'uint8-base64', data: toBase64(bytes) } as const;
  return signed ? { ...pictures, signed } : pictures;
}
