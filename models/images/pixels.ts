/** A decoded picture. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue of each pixel, row by row. */
  readonly data: Uint8Array;
}

/** A rectangle in pixels. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The rectangle of a picture; what is outside of it is black. */
export function crop(picture: Pixels, { x, y, width, height }: Rectangle): Pixels {
  if (x === 0 && y === 0 && width === picture.width && height === picture.height) return picture;
  const data = new Uint8Array(width * height * 3);
  const left = Math.max(0, x);
  const right = Math.min(picture.width, x + width);
  for (let row = Math.max(0, y); row < Math.min(picture.height, y + height); row++) {
    if (right <= left) break;
    const from = (row * picture.width + left) * 3;
    data.set(picture.data.subarray(from, from + (right - left) * 3), ((row - y) * width + left - x) * 3);
  }
  return { width, height, data };
}

/** A picture that no image processor can prepare: the rest of a sentence that names it, without its full stop. */
export class PictureError extends Error {
  override readonly name = 'PictureError';
}
