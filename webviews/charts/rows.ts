/** What the charts of a benchmark share: series of one number over length from the rows of a result. */
import type { BenchmarkRow, BenchmarkResult } from '../../protocol/results/benchmark-schema';
import { count } from '../ui/numbers';
import { leastApart } from './axis';
import type { Axis, Mark, Point, Series } from './chart';
import type { Identities } from './palette';

/** What has been measured so far, done or not. */
export interface Measured {
  readonly rows: readonly BenchmarkRow[];
  /** Keys of rows that may still change, as `rowKey` writes them. */
  readonly provisional: ReadonlySet<string>;
  readonly lengths: readonly number[];
  readonly baseline: string;
  readonly fits: BenchmarkResult['fits'];
  readonly crossover: BenchmarkResult['crossover'];
  readonly roof: BenchmarkResult['roof'] | undefined;
  readonly identities: Identities;
  /** Mechanisms switched off in the legend. */
  readonly hidden: ReadonlySet<string>;
  /** A second result, drawn hollow. */
  readonly other?: { readonly name: string; readonly rows: readonly BenchmarkRow[] } | undefined;
}

export const rowKey = (row: { readonly mechanism: string; readonly length: number }): string =>
  `${row.mechanism}@${row.length}`;

/** Ticks at the lengths of the plan, and at those of the other result that stand clear of them. */
export function lengthAxis({ lengths, other }: Measured): Axis {
  const ticks = [...lengths];
  for (const length of new Set(other?.rows.map((row) => row.length))) {
    if (ticks.every((tick) => Math.max(tick / length, length / tick) >= leastApart)) ticks.push(length);
  }
  return {
    name: 'Sequence length',
    unit: 'tokens',
    base: 2,
    format: count,
    include: ticks.sort((a, b) => a - b),
  };
}

export interface PointValue {
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
  readonly text: string;
}

/** One series per mechanism shown, in the order of the catalogue; `value` leaves out what it cannot draw. */
export function seriesOverLength(
  measured: Measured,
  value: (row: BenchmarkRow) => PointValue | undefined,
  x: (row: BenchmarkRow) => number | undefined = (row) => row.length,
): Series[] {
  const series = seriesOf(measured, measured.rows, value, x, 'measured', '');
  if (!measured.other) return series;
  return [...series, ...seriesOf(measured, measured.other.rows, value, x, 'other', ` (${measured.other.name})`)];
}

export function seriesOf(
  measured: Measured,
  rows: readonly BenchmarkRow[],
  value: (row: BenchmarkRow) => PointValue | undefined,
  x: (row: BenchmarkRow) => number | undefined,
  role: Series['role'],
  suffix: string,
): Series[] {
  return [...measured.identities.values()]
    .filter(({ id }) => !measured.hidden.has(id))
    .map((identity): Series => {
      const points = rows
        .filter((row) => row.mechanism === identity.id && row.ok)
        .sort((a, b) => a.length - b.length)
        .flatMap((row): Point[] => {
          const at = x(row);
          const drawn = value(row);
          // Neither axis can show zero or less.
          if (drawn === undefined || at === undefined || !(at > 0) || !(drawn.y > 0)) return [];
          const provisional = role === 'measured' && measured.provisional.has(rowKey(row));
          return [
            { x: at, ...drawn, key: { series: identity.id, at: row.length }, ...(provisional ? { provisional } : {}) },
          ];
        });
      return { id: `${identity.id}${suffix}`, identity, title: `${identity.title}${suffix}`, points, role };
    })
    .filter(({ points }) => points.length > 0);
}

/** The lengths from which mechanisms beat the baseline, where that is inside what was measured; one mark a length. */
export function efficiencyMarks(measured: Measured): Mark[] {
  const shortest = Math.min(...measured.lengths);
  const byLength = new Map<number, Mark>();
  for (const { mechanism, efficiencyLength } of measured.crossover) {
    const identity = measured.identities.get(mechanism);
    if (!identity || efficiencyLength === null || efficiencyLength <= shortest || measured.hidden.has(mechanism))
      continue;
    const identities = [...(byLength.get(efficiencyLength)?.identities ?? []), identity];
    const label = `${identities.map(({ name }) => name).join(', ')} faster from ${count(efficiencyLength)}`;
    byLength.set(efficiencyLength, { x: efficiencyLength, identities, label });
  }
  return [...byLength.values()].sort((a, b) => a.x - b.x);
}

export const waiting = 'Points appear here as they are measured.';
