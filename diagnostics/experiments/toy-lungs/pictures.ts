/**
 * Pictures with a known answer, in the spirit of a chest picture: two bright ellipses under noise and three faint blobs. Class 1 has one
 * blob inside an ellipse and two outside both; class 0 has all three outside. The number of blobs says nothing, only where they are.
 */
import type { Random } from '../../../kernels/tensors/random';

/** Pixels along each side. */
export const side = 32;
export const classes = 2;
const blobs = 3;

/** In pixels from the upper left corner; the middle of the first pixel is at 0.5. */
export interface Spot {
  readonly row: number;
  readonly column: number;
}

export interface LungPicture {
  /** [side, side], grey. */
  readonly x: Float32Array;
  readonly label: number;
  /** Middle of the blob inside an ellipse; absent for class 0. */
  readonly lesion?: Spot;
}

const brightness = 0.5;
const noise = 0.1;
/** Standard deviation of a blob, pixels, and its height. */
const spread = 1.2;
const height = 0.5;
/** A pixel belongs to a blob up to this distance of their middles. */
const reach = 2;
/** Half axes of an ellipse, pixels. */
const [high, wide] = [0.36 * side, 0.17 * side];

/** (distance from the middle over the half axes)^2: below 1 inside the ellipse. */
const depthIn = (lung: Spot, { row, column }: Spot): number =>
  ((row - lung.row) / high) ** 2 + ((column - lung.column) / wide) ** 2;

const middleOf = (at: number, cells: number): Spot => ({
  row: ((Math.floor(at / cells) + 0.5) * side) / cells,
  column: (((at % cells) + 0.5) * side) / cells,
});

/** 0.5 inside the ellipses, and exp(-distance^2 / (2 spread^2)) / 2 of each blob, no noise. */
export const painted = (lungs: readonly Spot[], spots: readonly Spot[]): Float32Array =>
  Float32Array.from({ length: side * side }, (_, at) => {
    const pixel = middleOf(at, side);
    const inside = lungs.some((lung) => depthIn(lung, pixel) <= 1);
    const bumps = spots.map((spot) =>
      Math.exp(-((spot.row - pixel.row) ** 2 + (spot.column - pixel.column) ** 2) / (2 * spread ** 2)),
    );
    return bumps.reduce((sum, bump) => sum + height * bump, inside ? brightness : 0);
  });

/** Where the middles of the ellipses are: each up to 1.5 pixels from its usual place. */
function drawLungs(source: Random): readonly [Spot, Spot] {
  const move = (): number => 3 * (source.uniform() - 0.5);
  const lung = (column: number): Spot => ({ row: side / 2 + move(), column: column * side + move() });
  return [lung(0.28), lung(0.72)];
}

/** Anywhere 2 pixels inside the picture where `fits`. */
function drawSpot(source: Random, fits: (spot: Spot) => boolean): Spot {
  const along = (): number => reach + (side - 2 * reach) * source.uniform();
  let spot = { row: along(), column: along() };
  while (!fits(spot)) spot = { row: along(), column: along() };
  return spot;
}

export interface Drawing extends LungPicture {
  readonly lungs: readonly [Spot, Spot];
  readonly spots: readonly Spot[];
}

export function drawPicture(label: number, source: Random): Drawing {
  const lungs = drawLungs(source);
  const inside = (spot: Spot, most: number): boolean => lungs.some((lung) => depthIn(lung, spot) <= most);
  const lesion = label === 1 ? drawSpot(source, (spot) => inside(spot, 0.6)) : undefined;
  const others = Array.from({ length: lesion ? blobs - 1 : blobs }, () =>
    drawSpot(source, (spot) => !inside(spot, 1.7)),
  );
  const spots = lesion ? [lesion, ...others] : others;
  const x = painted(lungs, spots).map((value) => value + noise * source.normal());
  return { x, label, lungs, spots, ...(lesion ? { lesion } : {}) };
}

/** Every second picture is of class 1. */
export const drawPictures = (count: number, source: Random): readonly Drawing[] =>
  Array.from({ length: count }, (_, at) => drawPicture(at % classes, source));

/** Which of `cells` x `cells` squares of the picture hold a pixel of the blob, row by row. */
export function cellsOf({ row, column }: Spot, cells: number): readonly boolean[] {
  const touched = new Array<boolean>(cells * cells).fill(false);
  for (let at = 0; at < side * side; at++) {
    const pixel = middleOf(at, side);
    if (Math.hypot(pixel.row - row, pixel.column - column) > reach) continue;
    const [down, right] = [pixel.row, pixel.column].map((place) => Math.floor((place * cells) / side)) as [
      number,
      number,
    ];
    touched[down * cells + right] = true;
  }
  return touched;
}
