/**
 * Bags of words whose label depends on two of them. Every word is a vector of normal numbers. One word, at a random place, is marked as of
 * the first kind and one as of the second: 4 times the direction of the kind is added, and 4 times the direction of one of C values of
 * its own. The label is the pair of values, one of C^2. Directions have length 1 and are drawn once.
 */
import { random, seedFor, type Random } from '../../../kernels/tensors/random';
import type { Batch } from '../../model-runner/trainer';

const strength = 4;

export interface BagSize {
  readonly words: number;
  readonly width: number;
  /** C. */
  readonly values: number;
}

export interface Bags {
  /** [bags][words][width], row by row. */
  readonly h: Float32Array;
  readonly labels: readonly number[];
  /** Place of the marked word of each kind. */
  readonly places: readonly (readonly [number, number])[];
}

export class MarkerBags {
  readonly kinds: readonly Float64Array[];
  /** By kind and value. */
  readonly valueDirections: readonly (readonly Float64Array[])[];

  constructor(
    readonly size: BagSize,
    seed: number,
  ) {
    const source = random(seedFor(seed, 'directions'));
    const direction = (): Float64Array => {
      const drawn = Float64Array.from({ length: size.width }, () => source.normal());
      const length = Math.hypot(...drawn);
      return drawn.map((value) => value / length);
    };
    this.kinds = [direction(), direction()];
    this.valueDirections = [0, 1].map(() => Array.from({ length: size.values }, direction));
  }

  drawn(count: number, source: Random): Bags {
    const { words, width, values } = this.size;
    const h = Float32Array.from({ length: count * words * width }, () => source.normal());
    const labels: number[] = [];
    const places: (readonly [number, number])[] = [];
    for (let bag = 0; bag < count; bag++) {
      const first = source.whole(words);
      const second = (first + 1 + source.whole(words - 1)) % words;
      const of = [source.whole(values), source.whole(values)] as const;
      [first, second].forEach((place, kind) => {
        const [own, value] = [this.kinds[kind], this.valueDirections[kind]?.[of[kind] ?? 0]];
        for (let i = 0; i < width; i++) {
          const at = (bag * words + place) * width + i;
          h[at] = (h[at] ?? 0) + strength * ((own?.[i] ?? 0) + (value?.[i] ?? 0));
        }
      });
      labels.push(of[0] * values + of[1]);
      places.push([first, second]);
    }
    return { h, labels, places };
  }
}

/** `h` [b, n, d], `mask` [b, n] of ones, `labels` int64 [b]. */
export const bagBatch = ({ h, labels }: Bags, { words, width }: BagSize): Batch => ({
  h: { data: h, shape: [labels.length, words, width] },
  mask: { data: new Float32Array(labels.length * words).fill(1), shape: [labels.length, words] },
  labels: { data: BigInt64Array.from(labels, BigInt), shape: [labels.length] },
});
