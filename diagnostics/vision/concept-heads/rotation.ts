/**
 * Random rotations: lengths of vectors and angles between them stay, and their relation to anything else is gone. In each round all
 * numbers are put into random pairs, and each pair is turned by a random angle (a walk of Kac 1956, whole matchings at a time); so many
 * rounds that one number has spread over all of them, and four more.
 */
import type { Random } from '../../../kernels/tensors/random';
import { shuffled } from '../../tasks/draft';

const furtherRounds = 4;

interface Round {
  /** Neighbours are a pair. */
  readonly order: readonly number[];
  /** One a pair. */
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

export function rotation(width: number, random: Random): (x: ArrayLike<number>) => Float32Array {
  const places = Array.from({ length: width }, (_, i) => i);
  const rounds = Array.from({ length: Math.ceil(Math.log2(width)) + furtherRounds }, (): Round => {
    const angles = Float64Array.from({ length: Math.floor(width / 2) }, () => 2 * Math.PI * random.uniform());
    return { order: shuffled(random, places), cos: angles.map(Math.cos), sin: angles.map(Math.sin) };
  });
  return (x) => {
    const turned = Float64Array.from(x);
    for (const { order, cos, sin } of rounds) {
      for (let pair = 0; pair < cos.length; pair++) {
        const [a, b] = [order[2 * pair]!, order[2 * pair + 1]!];
        const [first, second] = [turned[a]!, turned[b]!];
        turned[a] = cos[pair]! * first - sin[pair]! * second;
        turned[b] = sin[pair]! * first + cos[pair]! * second;
      }
    }
    return Float32Array.from(turned);
  };
}
