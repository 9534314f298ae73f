/** Rotation of queries and keys on the host, as the graphs do it (models/architectures/layers.ts). */
import type { LayerRotation } from '../../model-runner/weights';

/**
 * A query or key [d] at the position `row` of the tables. `half` pairs i with i + dimensions/2, `interleaved` 2i with 2i + 1;
 * dimensions behind the rotated ones stay. `back`: what was rotated becomes what it was; tables may hold a factor as well.
 */
export function rotated(
  x: ArrayLike<number>,
  { cos, sin, dimensions, layout }: LayerRotation,
  row = 0,
  back = false,
): Float64Array {
  const out = Float64Array.from(x);
  const half = dimensions / 2;
  for (let i = 0; i < half; i++) {
    const [at, other] = layout === 'half' ? [i, i + half] : [2 * i, 2 * i + 1];
    const [a, b, c, s] = [x[at] ?? 0, x[other] ?? 0, cos[row * half + i] ?? 1, sin[row * half + i] ?? 0];
    const scale = back ? 1 / (c * c + s * s) : 1;
    const sine = back ? -s : s;
    out[at] = scale * (a * c - b * sine);
    out[other] = scale * (b * c + a * sine);
  }
  return out;
}
