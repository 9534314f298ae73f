/**
 * Resizing as Pillow does it, which the image processors of published checkpoints are made with: separable filters, widened
 * when the picture shrinks (so that nothing aliases), bicubic with a = -0.5, weights rounded to 22 bits, and 8-bit values
 * between the horizontal and the vertical pass. Written here because none of the resamplers on npm has this filter (pica 10
 * offers box, hamming, lanczos and mks2013; jimp and image-js interpolate without widening), and a model sees the difference.
 * Equal to Pillow 11.1 to the last bit on the cases of `test/unit/models/images/pillow.test.ts`.
 */
import { crop, PictureError, type Pixels, type Rectangle } from './pixels';

/** Names of `PIL.Image.Resampling`, in the order of its numbers. */
export const filters = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'] as const;
export type Filter = (typeof filters)[number];

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Weight at distance x from the centre, in units of source pixels when enlarging, and how far it reaches. */
const kernels: Readonly<Record<Exclude<Filter, 'nearest'>, { reach: number; weight: (x: number) => number }>> = {
  box: { reach: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { reach: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    reach: 1,
    weight: (x) => (Math.abs(x) >= 1 ? 0 : sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x))),
  },
  bicubic: {
    reach: 2,
    weight(signed) {
      const a = -0.5;
      const x = Math.abs(signed);
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    },
  },
  lanczos: { reach: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Bits of a weight behind the point. */
const precision = 22;
const one = 2 ** precision;

interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/** Pixels of one axis. */
interface Stretch {
  readonly first: number;
  readonly count: number;
}

/** For `count` target pixels of one axis from `first` on: the source pixels that each mixes. */
function tapsOf(
  filter: Exclude<Filter, 'nearest'>,
  from: number,
  to: number,
  { first: start, count }: Stretch,
): readonly Taps[] {
  // What the filters come to, and Pillow leaves the pass out.
  if (from === to) return Array.from({ length: count }, (_, at) => ({ first: start + at, weights: [one] }));
  const { reach, weight } = kernels[filter];
  const scale = from / to;
  const widening = Math.max(1, scale);
  const support = reach * widening;
  return Array.from({ length: count }, (_, at) => {
    const centre = (start + at + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(from, Math.trunc(centre + support + 0.5));
    const weights = Array.from({ length: end - first }, (_, i) => weight((first + i - centre + 0.5) / widening));
    const total = weights.reduce((sum, each) => sum + each, 0);
    return {
      first,
      weights: weights.map((each) => {
        const scaled = (each / total) * one;
        return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
      }),
    };
  });
}

/** Mixes along one axis: `lines` lines whose pixels lie `stride` bytes apart, lines `lineStride` bytes apart. */
function pass(
  source: Uint8Array,
  target: Uint8Array,
  taps: readonly Taps[],
  lines: number,
  strides: { readonly pixel: number; readonly line: number; readonly targetPixel: number; readonly targetLine: number },
): void {
  for (let line = 0; line < lines; line++) {
    for (let at = 0; at < taps.length; at++) {
      const { first = 0, weights = [] } = taps[at] ?? {};
      for (let channel = 0; channel < 3; channel++) {
        // A half, so that the shift rounds.
        let sum = one / 2;
        let from = line * strides.line + first * strides.pixel + channel;
        for (const each of weights) {
          sum += (source[from] ?? 0) * each;
          from += strides.pixel;
        }
        const value = Math.floor(sum / one);
        target[line * strides.targetLine + at * strides.targetPixel + channel] =
          value < 0 ? 0 : value > 255 ? 255 : value;
      }
    }
  }
}

export const resize = (picture: Pixels, width: number, height: number, filter: Filter): Pixels =>
  resizePart(picture, width, height, filter, { x: 0, y: 0, width, height });

/**
 * A rectangle of the picture resized to width x height, black where it reaches outside; the same to the bit as the rectangle
 * cut out of the whole. Only its own pixels are made: the whole of a strip whose short edge is enlarged may be millions long.
 */
export function resizePart(picture: Pixels, width: number, height: number, filter: Filter, part: Rectangle): Pixels {
  if (picture.width === width && picture.height === height) return crop(picture, part);
  const across = inside(part.x, part.width, width);
  const down = inside(part.y, part.height, height);
  const made =
    filter === 'nearest'
      ? nearest(picture, [width, height], [across, down])
      : filtered(picture, [width, height], [across, down], filter);
  return crop(made, { ...part, x: part.x - across.first, y: part.y - down.first });
}

function inside(start: number, length: number, side: number): Stretch {
  const first = Math.min(Math.max(0, start), side);
  return { first, count: Math.max(0, Math.min(side, start + length) - first) };
}

/** Pixels between the two passes, and steps along an axis: a picture beyond is far too long for its width. */
const most = 64_000_000;

function requireSize({ width, height }: Pixels, pixels: number): void {
  if (pixels <= most) return;
  throw new PictureError(
    `has ${width} x ${height} pixels, which is too long a strip to be resampled. Crop it to what matters`,
  );
}

type Pair<T> = readonly [across: T, down: T];

function filtered(
  picture: Pixels,
  [width, height]: Pair<number>,
  [across, down]: Pair<Stretch>,
  filter: Exclude<Filter, 'nearest'>,
): Pixels {
  const columns = tapsOf(filter, picture.width, width, across);
  const rows = tapsOf(filter, picture.height, height, down);
  const [top, last] = [rows[0]?.first ?? 0, rows.at(-1)];
  // Lines of the picture that the vertical pass reads.
  const lines = last ? last.first + last.weights.length - top : 0;
  requireSize(picture, across.count * lines);
  const narrow = new Uint8Array(across.count * lines * 3);
  pass(picture.data.subarray(top * picture.width * 3), narrow, columns, lines, {
    pixel: 3,
    line: picture.width * 3,
    targetPixel: 3,
    targetLine: across.count * 3,
  });
  const data = new Uint8Array(across.count * down.count * 3);
  const below = rows.map(({ first, weights }) => ({ first: first - top, weights }));
  pass(narrow, data, below, across.count, {
    pixel: across.count * 3,
    line: 3,
    targetPixel: across.count * 3,
    targetLine: 3,
  });
  return { width: across.count, height: down.count, data };
}

/** Source pixel of each target pixel; Pillow adds the step up, and so the rounding of its sums decides ties. */
function nearestPixels(from: number, to: number, { first, count }: Stretch): readonly number[] {
  const step = from / to;
  let at = step * 0.5;
  for (let before = 0; before < first; before++) at += step;
  return Array.from({ length: count }, () => {
    const pixel = Math.trunc(at);
    at += step;
    return pixel;
  });
}

function nearest(picture: Pixels, [width, height]: Pair<number>, [across, down]: Pair<Stretch>): Pixels {
  requireSize(picture, Math.max(across.first + across.count, down.first + down.count));
  const data = new Uint8Array(across.count * down.count * 3);
  const columns = nearestPixels(picture.width, width, across);
  nearestPixels(picture.height, height, down).forEach((sourceRow, row) => {
    columns.forEach((sourceColumn, column) => {
      const at = (sourceRow * picture.width + sourceColumn) * 3;
      data.set(picture.data.subarray(at, at + 3), (row * across.count + column) * 3);
    });
  });
  return { width: across.count, height: down.count, data };
}
