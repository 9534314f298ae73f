/**
 * The pictures of all heads as one byte texture, pooled by the largest value to no more texels than a cell has pixels, so that a
 * diagonal one texel wide does not vanish in a small cell.
 */
import type { HeadPictures } from '../../../protocol/sections/heads';
import { signedMiddle } from '../../../protocol/results/thumbnails';
import { fromBase64 } from '../../../protocol/wire/base64';
import type { Rgb } from '../../charts/colour-map';

export interface HeadAtlas {
  /** Texels per side of one head's picture. */
  readonly side: number;
  readonly width: number;
  readonly height: number;
  /** Row-major [layers x side][heads x side]. */
  readonly bytes: Uint8Array;
}

const read = new WeakMap<HeadPictures, Uint8Array>();

function bytesIn(pictures: HeadPictures): Uint8Array {
  const known = read.get(pictures);
  if (known) return known;
  const bytes = fromBase64(pictures.data);
  read.set(pictures, bytes);
  return bytes;
}

/** `most`: texels a cell can show. */
export function headAtlas(pictures: HeadPictures, most: number): HeadAtlas {
  const { size, layers, heads, signed } = pictures;
  const nothing = signed ? signedMiddle : 0;
  const data = bytesIn(pictures);
  const side = Math.max(1, Math.min(size, Math.floor(most)));
  const width = heads * side;
  const bytes = new Uint8Array(width * layers * side).fill(nothing);
  for (let layer = 0; layer < layers; layer += 1) {
    for (let head = 0; head < heads; head += 1) {
      const start = (layer * heads + head) * size * size;
      for (let row = 0; row < size; row += 1) {
        const toRow = (layer * side + Math.floor((row * side) / size)) * width + head * side;
        for (let column = 0; column < size; column += 1) {
          const value = data[start + row * size + column] ?? nothing;
          const to = toRow + Math.floor((column * side) / size);
          if (Math.abs(value - nothing) > Math.abs((bytes[to] ?? nothing) - nothing)) bytes[to] = value;
        }
      }
    }
  }
  return { side, width, height: layers * side, bytes };
}

/** The colours of one head's picture. */
export interface HeadColours {
  readonly layer: number;
  readonly head: number;
  /** 256 colours, from no mass to the largest; of signed pictures from the largest below 0 to that above it. */
  readonly table: readonly Rgb[];
}

export const colourTable = (at: (share: number) => Rgb): readonly Rgb[] =>
  Array.from({ length: 256 }, (_, share) => at(share / 255));

/** The texture in colours, [layers x side][heads x side]. */
export function colouredAtlas(
  { side, width, height, bytes }: HeadAtlas,
  heads: readonly HeadColours[],
): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (const { layer, head, table } of heads) {
    for (let row = 0; row < side; row += 1) {
      const start = (layer * side + row) * width + head * side;
      for (let column = start; column < start + side; column += 1) {
        const [red, green, blue] = table[bytes[column] ?? 0] ?? [0, 0, 0];
        rgba[column * 4] = red;
        rgba[column * 4 + 1] = green;
        rgba[column * 4 + 2] = blue;
        rgba[column * 4 + 3] = 255;
      }
    }
  }
  return rgba;
}
