/** Pictures of shapes with known contents, for experiments on vision: [3, side, side], numbers from -1 to 1. */
import type { Random } from '../../../kernels/tensors/random';
import { sample } from '../../tasks/draft';

/** Whether a shape covers a place, both axes from -1 to 1 across it. */
type Covers = (x: number, y: number) => boolean;

const inside = (x: number, y: number): boolean => Math.max(Math.abs(x), Math.abs(y)) <= 0.9;

export const shapes: readonly { readonly name: string; readonly covers: Covers }[] = [
  { name: 'disc', covers: (x, y) => Math.hypot(x, y) <= 0.95 },
  { name: 'cross', covers: (x, y) => inside(x, y) && Math.min(Math.abs(x), Math.abs(y)) <= 0.25 },
  { name: 'frame', covers: (x, y) => inside(x, y) && Math.max(Math.abs(x), Math.abs(y)) >= 0.55 },
  { name: 'triangle', covers: (x, y) => Math.abs(y) <= 0.9 && Math.abs(x) <= (y + 0.9) / 2 },
  { name: 'bars', covers: (x, y) => inside(x, y) && Math.abs(y) >= 0.35 },
  { name: 'diagonal', covers: (x, y) => inside(x, y) && Math.abs(x - y) <= 0.4 },
  { name: 'columns', covers: (x, y) => inside(x, y) && Math.abs(x) >= 0.35 },
  { name: 'ring', covers: (x, y) => Math.hypot(x, y) <= 0.95 && Math.hypot(x, y) >= 0.55 },
];

interface Placed {
  /** Index in `shapes`. */
  readonly shape: number;
  /** Centre and half width, in pixels. */
  readonly x: number;
  readonly y: number;
  readonly reach: number;
}

export interface ShapePicture {
  readonly pixels: Float32Array;
  readonly placed: readonly Placed[];
}

/** One of each `chosen` shape in cells of a grid of `cells` x `cells`, moved within its cell, in random colours on a dark ground. */
export function drawShapes(
  { side, cells, noise }: { readonly side: number; readonly cells: number; readonly noise: number },
  chosen: readonly number[],
  source: Random,
): ShapePicture {
  const cell = side / cells;
  const reach = 0.4 * cell;
  const all = Array.from({ length: cells * cells }, (_, at) => at);
  const placed = sample(source, all, chosen.length).map((at, i): Placed => {
    const moved = (): number => (source.uniform() - 0.5) * (cell - 2 * reach);
    return {
      shape: chosen[i] ?? 0,
      x: ((at % cells) + 0.5) * cell + moved(),
      y: (Math.floor(at / cells) + 0.5) * cell + moved(),
      reach,
    };
  });
  const pixels = new Float32Array(3 * side * side);
  for (let at = 0; at < pixels.length; at++) pixels[at] = -0.8 + noise * source.normal();
  for (const { shape, x, y, reach: half } of placed) {
    const colour = [0, 1, 2].map(() => 0.2 + 0.8 * source.uniform());
    const { covers } = shapes[shape] ?? { covers: () => false };
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        if (!covers((column + 0.5 - x) / half, (row + 0.5 - y) / half)) continue;
        colour.forEach((value, c) => (pixels[(c * side + row) * side + column] = value + noise * source.normal()));
      }
    }
  }
  return { pixels, placed };
}

/** As many different shapes of the first `kinds` as are asked for. */
export const someShapes = (kinds: number, count: number, source: Random): readonly number[] =>
  sample(
    source,
    Array.from({ length: kinds }, (_, at) => at),
    count,
  );
