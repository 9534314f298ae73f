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
}

/** Lengths that the usual block sizes divide; where one is not supported, the next that is stands for it. */
const lengths = [4096, 8192, 16384] as const;
const probe = 12288;
/** Within which the next supported length is looked for: no two of them are then the same. */
const reach = 4096;

/** Undefined where no length that `supports` takes is near: no formula holds there. */
export function growthOf(
  cost: (length: number) => number,
  supports: (length: number) => boolean = () => true,
): Growth | undefined {
  const next = (wanted: number) => integers(wanted, wanted + reach).find(supports);
  const [x, y, z] = lengths.map(next);
  const other = next(probe);
  if (x === undefined || y === undefined || z === undefined || other === undefined) return undefined;
  const [p, q, r] = [cost(x), cost(y), cost(z)];
  // Newton's divided differences.
  const first = (q - p) / (y - x);
  const square = ((r - q) / (z - y) - first) / (z - x);
  const linear = first - square * (x + y);
  const constant = p - linear * x - square * x * x;
  const there = cost(other);
  return {
    square: tidy(square, r / z ** 2),
    linear: tidy(linear, r / z),
    constant: tidy(constant, r),
    deviation: Math.abs(square * other ** 2 + linear * other + constant - there) / there,
  };
}

/** What is below a billionth of the whole is rounding of the differences. */
const tidy = (coefficient: number, scale: number): number => (Math.abs(coefficient) < 1e-9 * scale ? 0 : coefficient);
