/**
 * Random rotations: lengths of vectors and angles between them stay, and their relation to anything else is gone. Numbers are put in a
 * random order with random signs, and then through the orthonormal cosine transform (DCT-II), twice: of a vector with one number this
 * leaves many of about the same size, as a rotation drawn evenly from all of them would.
 */
import type { Random } from '../../kernels/tensors/random';
import { shuffled } from '../tasks/draft';

const matrices = new Map<number, Float64Array>();

/** [width, width], orthonormal rows. */
function cosineTransform(width: number): Float64Array {
  const known = matrices.get(width);
  if (known) return known;
  const data = new Float64Array(width * width);
  for (let row = 0; row < width; row++) {
    const scale = Math.sqrt((row === 0 ? 1 : 2) / width);
    for (let i = 0; i < width; i++) data[row * width + i] = scale * Math.cos((Math.PI / width) * (i + 0.5) * row);
  }
  matrices.clear();
  matrices.set(width, data);
  return data;
}

export function rotation(width: number, random: Random): (x: ArrayLike<number>) => Float32Array {
  const places = Array.from({ length: width }, (_, i) => i);
  const rounds = [0, 1].map(() => ({
    order: shuffled(random, places),
    signs: places.map(() => (random.whole(2) === 0 ? 1 : -1)),
  }));
  const matrix = cosineTransform(width);
  return (x) => {
    let now: ArrayLike<number> = x;
    for (const { order, signs } of rounds) {
      const mixed = Float64Array.from(order, (from, i) => (now[from] ?? 0) * (signs[i] ?? 1));
      const out = new Float64Array(width);
      for (let row = 0; row < width; row++) {
        let sum = 0;
        for (let i = 0, at = row * width; i < width; i++, at++) sum += matrix[at]! * mixed[i]!;
        out[row] = sum;
      }
      now = out;
    }
    return Float32Array.from(now);
  };
}
