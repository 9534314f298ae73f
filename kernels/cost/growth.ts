import { integers } from '../integers';

/**
 * A cost as a polynomial of the length, a n^2 + b n + c, read off the cost model: the formula that a person can check against
 * the paper. Three lengths give the coefficients, a fourth says how far the polynomial is from the model (blocks that do not
 * divide a length, spans that grow in steps).
 */
export interface Growth {
  readonly square: number;
  readonly linear: number;
  readonly constant: number;
  /** |polynomial - cost| / cost at a length that was not used. */
  readonly deviation: number;
  /**
   * The shortest probed length from which the polynomial is within a per mille of the cost at every longer probed one, up to
   * 65,536; absent where it is not even at the longest: then no polynomial says the cost.
   */
  readonly from?: number;
}

/** |polynomial - cost| / cost up to which the polynomial is said to hold. */
const tolerance = 1e-3;

/** Lengths that the usual block sizes divide; where one is not supported, the next that is takes its place. */
const lengths = [4096, 8192, 16384] as const;
const probe = 12288;
/** Within which the next supported length is looked for: no two of them are then the same. */
const reach = 4096;
/** Where it is asked from which length on the polynomial holds: the powers of two and their halves between. */
const probes: readonly number[] = integers(4, 17).flatMap((power) =>
  power === 16 ? [2 ** power] : [2 ** power, 1.5 * 2 ** power],
);

/** Undefined where no length that `supports` takes is near: no formula holds there. */
export function growthOf(
  cost: (length: number) => number,
  supports: (length: number) => boolean = () => true,
): Growth | undefined {
  const next = (wanted: number, within = reach) => integers(wanted, wanted + within).find(supports);
  const [x, y, z] = lengths.map((length) => next(length));
  const other = next(probe);
  if (x === undefined || y === undefined || z === undefined || other === undefined) return undefined;
  const [p, q, r] = [cost(x), cost(y), cost(z)];
  // Newton's divided differences.
  const first = (q - p) / (y - x);
  const square = ((r - q) / (z - y) - first) / (z - x);
  const linear = first - square * (x + y);
  const constant = p - linear * x - square * x * x;
  const deviationAt = (length: number): number => {
    const there = cost(length);
    return Math.abs(square * length ** 2 + linear * length + constant - there) / there;
  };
  const tried = probes.flatMap((length) => next(length, Math.min(reach, length / 4)) ?? []);
  const last = tried.findLastIndex((length) => !(deviationAt(length) <= tolerance));
  const from = tried[last + 1];
  return {
    square: tidy(square, r / z ** 2),
    linear: tidy(linear, r / z),
    constant: tidy(constant, r),
    deviation: deviationAt(other),
    ...(from === undefined ? {} : { from }),
  };
}

/** What is below a billionth of the whole is rounding of the differences. */
const tidy = (coefficient: number, scale: number): number => (Math.abs(coefficient) < 1e-9 * scale ? 0 : coefficient);
