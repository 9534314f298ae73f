/**
 * A gate for another grid than the one it was learned on. No published code does it; chosen here: G is taken as a function of the
 * frequency in cycles per token, u / H and v / W, that is periodic, and read between its bins by bilinear interpolation of the real and
 * the imaginary part. Bins of a frequency and of its negative stay conjugate, so that outputs stay real; what irfft2 ignores in the
 * columns that are their own conjugates is taken out first. A filter so keeps its size in tokens, not in shares of the picture.
 */
import { tensor, type Tensor } from '../../tensors/tensor';
import { columnsOf } from './transform';

type Complex = readonly [re: number, im: number];

/** G [H, floor(W / 2) + 1, C, 2] of a grid H x W, on a grid of `height` x `width`. */
export function resizedGate(gate: Tensor, learnedWidth: number, height: number, width: number): Tensor {
  const [h, k, channels] = gate.shape as [number, number, number];
  const w = learnedWidth;
  if (h === height && w === width) return gate;
  const stored = (u: number, v: number, c: number): Complex => {
    const at = ((u * k + v) * channels + c) * 2;
    return [gate.data[at]!, gate.data[at + 1]!];
  };
  const wrapped = (at: number, n: number): number => ((at % n) + n) % n;
  /** The value at any whole frequency. */
  const full = (u: number, v: number, c: number): Complex => {
    const [row, column] = [wrapped(u, h), wrapped(v, w)];
    const mirror = wrapped(-u, h);
    if (column >= k) {
      const [re, im] = stored(mirror, w - column, c);
      return [re, -im];
    }
    const own = stored(row, column, c);
    if (column !== 0 && 2 * column !== w) return own;
    const [re, im] = stored(mirror, column, c);
    return [(own[0] + re) / 2, (own[1] - im) / 2];
  };
  /** Bin of the new grid as a frequency in bins of the old one. */
  const within = (bin: number, size: number, old: number): number =>
    ((2 * bin <= size ? bin : bin - size) * old) / size;
  const columns = columnsOf(width);
  const data = new Float64Array(height * columns * channels * 2);
  for (let u = 0; u < height; u++) {
    for (let v = 0; v < columns; v++) {
      const [a, b] = [within(u, height, h), within(v, width, w)];
      const [top, left] = [Math.floor(a), Math.floor(b)];
      const corners = [
        [top, left, (1 - a + top) * (1 - b + left)],
        [top + 1, left, (a - top) * (1 - b + left)],
        [top, left + 1, (1 - a + top) * (b - left)],
        [top + 1, left + 1, (a - top) * (b - left)],
      ] as const;
      for (let c = 0; c < channels; c++) {
        const at = ((u * columns + v) * channels + c) * 2;
        for (const [row, column, share] of corners) {
          const [re, im] = full(row, column, c);
          data[at]! += share * re;
          data[at + 1]! += share * im;
        }
      }
    }
  }
  return tensor([height, columns, channels, 2], data);
}
