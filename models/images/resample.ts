/**
 * Resizing as Pillow does it, which the image processors of published checkpoints are made with: separable filters, widened
 * when the picture shrinks (so that nothing aliases), bicubic with a = -0.5, weights rounded to 22 bits, and 8-bit values
 * between the horizontal and the vertical pass. Written here because none of the resamplers on npm has this filter (pica 10
 * offers box, hamming, lanczos and mks2013; jimp and image-js interpolate without widening), and a model sees the difference.
 * Equal to Pillow 11.1 to the last bit on the cases of `test/unit/models/images/resample.test.ts`.
 */
import type { Pixels } from './pixels';

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

/** For each target pixel of one axis: the source pixels that it mixes. */
function tapsOf(filter: Exclude<Filter, 'nearest'>, from: number, to: number): readonly Taps[] {
  const { reach, weight } = kernels[filter];
  const scale = from / to;
  const widening = Math.max(1, scale);
  const support = reach * widening;
  return Array.from({ length: to }, (_, target) => {
    const centre = (target + 0.5) * scale;
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

export function resize(picture: Pixels, width: number, height: number, filter: Filter): Pixels {
  if (picture.width === width && picture.height === height) return picture;
  if (filter === 'nearest') return nearest(picture, width, height);
  let { data } = picture;
  if (picture.width !== width) {
    const narrow = new Uint8Array(width * picture.height * 3);
    pass(data, narrow, tapsOf(filter, picture.width, width), picture.height, {
      pixel: 3,
      line: picture.width * 3,
      targetPixel: 3,
      targetLine: width * 3,
    });
    data = narrow;
  }
  if (picture.height !== height) {
    const low = new Uint8Array(width * height * 3);
    pass(data, low, tapsOf(filter, picture.height, height), width, {
      pixel: width * 3,
      line: 3,
      targetPixel: width * 3,
      targetLine: 3,
    });
    data = low;
  }
  return { width, height, data };
}

/** Source pixel of each target pixel; Pillow adds the step up, and so the rounding of its sums decides ties. */
function nearestPixels(from: number, to: number): readonly number[] {
  const step = from / to;
  let at = step * 0.5;
  return Array.from({ length: to }, () => {
    const pixel = Math.trunc(at);
    at += step;
    return pixel;
  });
}

function nearest(picture: Pixels, width: number, height: number): Pixels {
  const data = new Uint8Array(width * height * 3);
  const columns = nearestPixels(picture.width, width);
  nearestPixels(picture.height, height).forEach((sourceRow, row) => {
    columns.forEach((sourceColumn, column) => {
      const at = (sourceRow * picture.width + sourceColumn) * 3;
      data.set(picture.data.subarray(at, at + 3), (row * width + column) * 3);
    });
  });
  return { width, height, data };
}
