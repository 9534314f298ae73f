/**
 * Bags of instances with a known answer: the background is standard normal, and a bag is positive when some of its instances show a
 * pattern, a direction of its own over the features. Patterns differ in how far they stand out.
 */
import { random, seedFor, type Random } from '../../../kernels/tensors/random';
import { sample } from '../../tasks/draft';

export interface BagSize {
  readonly instances: number;
  readonly features: number;
  readonly patterns: number;
}

export interface Bag {
  /** [instances][features], row-major. */
  readonly x: Float32Array;
  /** Pattern of each instance, -1 for background. */
  readonly shows: readonly number[];
  /** 1: it has instances of a pattern. */
  readonly label: number;
}

/** Length of a pattern's direction, in deviations of the background: the first stands out most. */
export const strengthOf = (pattern: number): number => Math.max(3, 6 - pattern);

/** Share of the instances of a bag that show each pattern that it has, at least one. */
const share = 0.02;

export class Bags {
  private readonly directions: readonly (readonly number[])[];

  constructor(
    readonly size: BagSize,
    seed: number,
  ) {
    const source = random(seedFor(seed, 'patterns'));
    this.directions = Array.from({ length: size.patterns }, (_, pattern) => {
      const raw = Array.from({ length: size.features }, () => source.normal());
      const length = Math.hypot(...raw);
      return raw.map((value) => (value * strengthOf(pattern)) / length);
    });
  }

  /** Every second bag is positive: it has one pattern to all of them, each equally often. */
  drawn(count: number, source: Random): readonly Bag[] {
    return Array.from({ length: count }, (_, at) => this.bag(at % 2, source));
  }

  private bag(label: number, source: Random): Bag {
    const { instances, features, patterns } = this.size;
    const all = Array.from({ length: patterns }, (_, pattern) => pattern);
    const has = label === 0 ? [] : sample(source, all, 1 + source.whole(Math.min(3, patterns)));
    const each = Math.max(1, Math.round(share * instances));
    const shows = new Array<number>(instances).fill(-1);
    const places = sample(
      source,
      Array.from({ length: instances }, (_, place) => place),
      Math.min(instances, each * has.length),
    );
    places.forEach((place, at) => (shows[place] = has[at % has.length] ?? -1));
    const x = new Float32Array(instances * features);
    shows.forEach((pattern, instance) => {
      const direction = this.directions[pattern];
      for (let c = 0; c < features; c++) x[instance * features + c] = source.normal() + (direction?.[c] ?? 0);
    });
    return { x, shows, label };
  }
}
