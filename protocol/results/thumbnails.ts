/** Pictures of heads as text and back (little-endian float32 in base64), and as a grid of heads draws them. */
import type { HeadPictures } from '../sections/heads';
import { fromBase64, toBase64 } from '../wire/base64';
import type { HeadThumbnails } from './heads';
import type { WrittenThumbnails } from './heads-schema';

export function writtenThumbnails({ size, layers, heads, data }: HeadThumbnails): WrittenThumbnails {
  const view = new DataView(new ArrayBuffer(4 * data.length));
  data.forEach((number, at) => view.setFloat32(4 * at, number, true));
  return { size, layers, heads, encoding: 'float32-base64', data: toBase64(new Uint8Array(view.buffer)) };
}

export function readThumbnails({ size, layers, heads, data }: WrittenThumbnails): HeadThumbnails {
  const bytes = fromBase64(data);
  const view = new DataView(bytes.buffer);
  return {
    size,
    layers,
    heads,
    data: Float32Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) => view.getFloat32(4 * at, true)),
  };
}

/**
 * A byte is sqrt(mass / largest mass of the head) x 255, rounded: the square root shows faint structure, the scale of its own lets a
 * diffuse head be seen beside a sharp one. Blocks beyond the tokens are left out.
 */
export function picturesOf({ size, layers, heads, data }: HeadThumbnails, tokens: number): HeadPictures {
  const side = Math.max(1, Math.min(size, tokens));
  const bytes = new Uint8Array(layers * heads * side * side);
  for (let head = 0; head < layers * heads; head++) {
    const [from, to] = [head * size * size, head * side * side];
    const massAt = (row: number, column: number): number => data[from + row * size + column] ?? 0;
    let largest = 0;
    for (let row = 0; row < side; row++)
      for (let column = 0; column < side; column++) largest = Math.max(largest, massAt(row, column));
    if (!(largest > 0)) continue;
    for (let row = 0; row < side; row++)
      for (let column = 0; column < side; column++)
        bytes[to + row * side + column] = Math.round(255 * Math.sqrt(Math.max(0, massAt(row, column)) / largest));
  }
  return { size: side, layers, heads, encoding: 'uint8-base64', data: toBase64(bytes) };
}
