import { count, significant, tick } from '../ui/numbers';
import { twinByX, type Chart, type Reference } from './chart';
import { lengthAxis, seriesOverLength, waiting, type Measured } from './rows';

/** Half a unit in the last place of a float32 near one: an exact result stands there, because a log axis has no zero. */
const floor = 2 ** -24;

/**
 * |runtime - float64 reference| over query length, of the row that comes nearest to its tolerance, with that tolerance (dashed; one
 * line where all share it). An error of zero is drawn at 2^-24. Where the reference of the row's own
 * length takes too long, the comparison was made at a shorter one, which the point says.
 */
export function errorOverLength(measured: Measured): Chart {
  const series = seriesOverLength(measured, ({ maxError, tolerance, checkedLength }) =>
    maxError === undefined
      ? undefined
      : {
          y: Math.max(maxError, maxError === 0 ? floor : 0),
          text: `${significant(maxError)}${tolerance === undefined ? '' : `, tolerance ${significant(tolerance)}`}${checkedLength === undefined ? '' : `, compared at ${count(checkedLength)} tokens`}`,
        },
  );
  return {
    id: 'error',
    title: 'Error over length',
    description:
      'Largest difference between the runtime and a float64 reference in the output row that comes nearest to its tolerance, and that tolerance (dashed): what moving the inputs by the rounding of the number format changes in this row.',
    x: lengthAxis(measured),
    y: { name: 'Largest absolute error', base: 10, format: tick },
    series,
    references: tolerances(measured),
    marks: [],
    twin: twinByX({ title: 'Length', unit: 'tokens' }, { format: significant }, series),
    hover: 'x',
    empty: waiting,
  };
}

type Point = readonly [length: number, tolerance: number];

/** Nowhere different, as far as both go. */
const agree = (a: readonly Point[], b: readonly Point[]): boolean =>
  b.every(([length, tolerance]) => a.every((one) => one[0] !== length || one[1] === tolerance));

/** Tolerance lines that agree are drawn once. */
function tolerances(measured: Measured): Reference[] {
  const lines: { readonly points: Point[]; readonly mechanisms: string[] }[] = [];
  for (const mechanism of measured.identities.keys()) {
    if (measured.hidden.has(mechanism)) continue;
    const points = measured.rows
      .filter((row) => row.mechanism === mechanism && row.tolerance !== undefined && row.tolerance > 0)
      .sort((a, b) => a.length - b.length)
      .map((row): Point => [row.length, row.tolerance ?? 0]);
    if (points.length === 0) continue;
    const same = lines.find((line) => agree(line.points, points));
    if (!same) {
      lines.push({ points, mechanisms: [mechanism] });
      continue;
    }
    same.mechanisms.push(mechanism);
    const known = new Set(same.points.map(([length]) => length));
    same.points.push(...points.filter(([length]) => !known.has(length)));
    same.points.sort(([a], [b]) => a - b);
  }
  // Many, or nearly the same, would be a heap of words on one spot: their colours say whose they are.
  const ends = lines.map(({ points }) => points.at(-1)?.[1] ?? 0).sort((a, b) => a - b);
  const apart = ends.every((end, index) => index === 0 || end > 2 * (ends[index - 1] ?? 0));
  const worded = lines.length <= 3 && apart;
  const highest = Math.max(...lines.map(({ points }) => points.at(-1)?.[1] ?? 0));
  return lines.map(({ points, mechanisms }): Reference => {
    const identity = measured.identities.get(mechanisms[0] ?? '');
    const first = points[0];
    const names =
      mechanisms.length > 2
        ? `of ${mechanisms.length} mechanisms`
        : mechanisms.map((id) => measured.identities.get(id)?.name ?? id).join(', ');
    const labelOf = (): string => {
      if (lines.length === 1) return 'tolerance';
      if (worded) return `tolerance ${names}`;
      return points.at(-1)?.[1] === highest ? 'tolerances' : '';
    };
    return {
      points:
        points.length === 1 && first
          ? [
              [first[0] / 1.4, first[1]],
              [first[0] * 1.4, first[1]],
            ]
          : points,
      label: labelOf(),
      labelAt: 'end',
      ...(identity && mechanisms.length === 1 ? { identity } : {}),
    };
  });
}
