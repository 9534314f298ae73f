/**
 * Pictures with a known answer: a grating (two directions by two frequencies, random phase) under noise, and a small shape, a plus or a
 * box, at a random place. Eight classes: the grating is spread over all of the picture, the shape stands in one place.
 */
import type { Random } from '../../../kernels/tensors/random';

/** Pixels along each side. */
export const side = 16;
export const classes = 8;

export interface TexturePicture {
  /** [3, side, side]: the same grey three times, as a picture's input asks for. */
  readonly x: Float32Array;
  /** 4 shape + 2 direction + frequency. */
  readonly label: number;
}

/** Cycles over the picture. */
const frequencies = [2, 5] as const;
/** 5 x 5: a plus, a box. */
const shapeSize = 5;
const inShape = [
  (down: number, right: number) => down === 2 || right === 2,
  (down: number, right: number) => [0, 4].includes(down) || [0, 4].includes(right),
] as const;
const amplitude = 0.7;
const brightness = 2;
const noise = 0.5;

export function drawPicture(label: number, source: Random): TexturePicture {
  const [shape, across, fast] = [label >> 2, (label >> 1) & 1, label & 1];
  const phase = 2 * Math.PI * source.uniform();
  const [top, left] = [source.whole(side - shapeSize + 1), source.whole(side - shapeSize + 1)];
  const grey = Float32Array.from({ length: side * side }, (_, at) => {
    const [row, column] = [Math.floor(at / side), at % side];
    const along = across === 1 ? column : row;
    const wave = Math.sin((2 * Math.PI * (frequencies[fast] ?? 0) * along) / side + phase);
    const [down, right] = [row - top, column - left];
    const inside = down >= 0 && down < shapeSize && right >= 0 && right < shapeSize;
    const marked = inside && (inShape[shape]?.(down, right) ?? false);
    return amplitude * wave + noise * source.normal() + (marked ? brightness : 0);
  });
  const x = new Float32Array(3 * side * side);
  for (let channel = 0; channel < 3; channel++) x.set(grey, channel * side * side);
  return { x, label };
}

/** Every class as often as the others, as far as the count allows. */
export const drawPictures = (count: number, source: Random): readonly TexturePicture[] =>
  Array.from({ length: count }, (_, at) => drawPicture(at % classes, source));
