/** Bags of instances with known instances of a pattern in them. */
import { normalTensor, random, seedFor } from '../../tensors/random';
import type { Tensor } from '../../tensors/tensor';

/** Share of the instances that show a pattern; at least one of each. */
const share = 0.04;

/**
 * Background of standard normal features; the first instances show one of `patterns` directions, of length 3 in each feature, in
 * turn. [b, n, width]
 */
export function plantedBag(shape: readonly [number, number, number], patterns: number, seed: number): Tensor {
  const [batch, n, width] = shape;
  const x = normalTensor(shape, seedFor(seed, 'background'));
  const source = random(seedFor(seed, 'patterns'));
  const directions = Array.from({ length: patterns }, () => Array.from({ length: width }, () => 3 * source.normal()));
  const planted = Math.min(n, Math.max(patterns, Math.round(share * n)));
  for (let b = 0; b < batch; b++) {
    for (let at = 0; at < planted; at++) {
      const direction = directions[at % patterns]!;
      for (let c = 0; c < width; c++) {
        const place = (b * n + at) * width + c;
        x.data[place] = Math.fround(x.data[place]! + direction[c]!);
      }
    }
  }
  return x;
}
