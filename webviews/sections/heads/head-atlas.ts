/**
 * The pictures of all heads as one byte texture. A byte is sqrt(mass / largest mass of that head) x 255: the square root
 * shows faint structure, the scale of its own lets a diffuse head be seen beside a sharp one. Pooled by the largest value to
 * no more texels than a cell has pixels, so that a diagonal one texel wide does not vanish in a small cell.
 */
import type { HeadThumbnails } from '../../../protocol/results/heads';
import type { Rgb } from '../../charts/colour-map';

export interface HeadAtlas {
  /** Texels per side of one head's picture. */
  readonly side: number;
  readonly width: number;
  readonly height: number;
  /** Row-major [layers x side][heads x side]. */
  readonly bytes: Uint8Array;
}

/** `used`: blocks per side that hold something (the tokens, up to the size); `most`: texels a cell can show. */
export function headAtlas(thumbnails: HeadThumbnails, used: number, most: number): HeadAtlas {
  const { size, layers, heads, data } = thumbnails;
  const from = Math.max(1, Math.min(size, used));
  const side = Math.max(1, Math.min(from, Math.floor(most)));
  const width = heads * side;
  const bytes = new Uint8Array(width * layers * side);
  const pooled = new Float32Array(side * side);
  for (let layer = 0; layer < layers; layer += 1) {
    for (let head = 0; head < heads; head += 1) {
      const start = (layer * heads + head) * size * size;
      pooled.fill(0);
      let largest = 0;
      for (let row = 0; row < from; row += 1) {
        const toRow = Math.floor((row * side) / from) * side;
        for (let column = 0; column < from; column += 1) {
          const value = data[start + row * size + column] ?? 0;
          const to = toRow + Math.floor((column * side) / from);
          if (value > (pooled[to] ?? 0)) pooled[to] = value;
          if (value > largest) largest = value;
        }
      }
      if (largest === 0) continue;
      for (let row = 0; row < side; row += 1) {
        const to = (layer * side + row) * width + head * side;
        for (let column = 0; column < side; column += 1) {
          bytes[to + column] = Math.round(255 * Math.sqrt((pooled[row * side + column] ?? 0) / largest));
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
  /** 256 colours, from no mass to the largest. */
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
