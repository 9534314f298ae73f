/**
 * From which length a mechanism beats the baseline.
 *
 * CAB (arXiv:2210.07661, its repository's efficiency-length script) fits the baseline by a n^2 + b n + c and the mechanism by
 * d n + e over the measured lengths, leaves the mechanism's shortest length out for time (start-up costs bend it), and takes
 * the larger root of the difference. That is the length where two *models* of the timings meet; it says something only when
 * the mechanism is linear and the baseline quadratic.
 *
 * Headscope reports both: `fitted` is CAB's root, `measured` the shortest measured length from which the mechanism is faster
 * (verdict of the rank test) at every measured length. The efficiency length is decided by the measurement: it is the fitted
 * root where that falls between the last length at which the mechanism was not faster and the first from which it was (the
 * fit then refines the grid of lengths), and the measured length otherwise.
 */
import { lineFit, quadraticFit } from './fits';
import type { Curve, Polynomial } from './fits';

/** Where a n^2 + b n + c of the baseline crosses d n + e of the mechanism for the last time. */
export type Root = number | 'always' | 'never';

export function lastCrossing(baseline: Polynomial, mechanism: Polynomial): Root {
  const a = baseline.a - mechanism.a;
  const b = baseline.b - mechanism.b;
  const c = baseline.c - mechanism.c;
  if (a === 0) {
    if (b === 0) return c > 0 ? 'always' : 'never';
    // The mechanism stays below a steeper baseline beyond the crossing, and below a flatter one never.
    return b < 0 ? 'never' : -c / b > 0 ? -c / b : 'always';
  }
  const discriminant = b * b - 4 * a * c;
  const larger = discriminant < 0 ? -1 : Math.max(...roots(a, b, discriminant));
  if (a < 0) return 'never';
  return larger > 0 ? larger : 'always';
}

const roots = (a: number, b: number, discriminant: number): readonly [number, number] => [
  (-b + Math.sqrt(discriminant)) / (2 * a),
  (-b - Math.sqrt(discriminant)) / (2 * a),
];

export interface CabFit {
  readonly root: Root;
  readonly baseline: Polynomial;
  readonly mechanism: Polynomial;
}

/**
 * CAB's efficiency length. `skipFirst`: leave out the mechanism's shortest length (CAB does for time, not for memory).
 * Undefined unless there are more lengths than coefficients, since an exact fit says nothing: four for the parabola, three
 * for the line.
 */
export function cabEfficiencyLength(baseline: Curve, mechanism: Curve, skipFirst: boolean): CabFit | undefined {
  const used = skipFirst ? mechanism.slice(1) : mechanism;
  if (baseline.length < 4 || used.length < 3) return undefined;
  const [parabola, line] = [quadraticFit(baseline), lineFit(used)];
  return { root: lastCrossing(parabola, line), baseline: parabola, mechanism: line };
}

/** What the rank test said at one measured length. */
export interface Comparison {
  readonly length: number;
  readonly faster: boolean;
}

/** The shortest measured length from which the mechanism is faster at every measured length; null when there is none. */
export function measuredCrossover(comparisons: readonly Comparison[]): number | null {
  const sorted = [...comparisons].sort((a, b) => a.length - b.length);
  const lastLost = sorted.findLastIndex((comparison) => !comparison.faster);
  return sorted[lastLost + 1]?.length ?? null;
}

/** The efficiency length as described above, from the measurement and the fit. */
export function decideEfficiencyLength(comparisons: readonly Comparison[], fit: CabFit | undefined): number | null {
  const measured = measuredCrossover(comparisons);
  if (measured === null) return null;
  const before = Math.max(0, ...comparisons.filter(({ length }) => length < measured).map(({ length }) => length));
  const root = fit?.root;
  return typeof root === 'number' && before > 0 && root > before && root <= measured ? Math.round(root) : measured;
}
