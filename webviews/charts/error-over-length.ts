import { significant, tick } from '../ui/numbers';
import { twinByX, type Chart, type Reference } from './chart';
import { lengthAxis, seriesOverLength, waiting, type Measured } from './rows';

/** Half a unit in the last place of a float32 near one: an exact result stands there, because a log axis has no zero. */
const floor = 2 ** -24;

/**
 * Largest |runtime - float64 reference| over the checked elements, over query length, with the tolerance each mechanism is
 * held to (dashed; one line where all share it). An error of zero is drawn at 2^-24.
 */
export function errorOverLength(measured: Measured): Chart {
  const series = seriesOverLength(measured, ({ maxError, tolerance }) =>
    maxError === undefined
      ? undefined
      : {
          y: Math.max(maxError, maxError === 0 ? floor : 0),
          text: `${significant(maxError)}${tolerance === undefined ? '' : `, tolerance ${significant(tolerance)}`}`,
        },
  );
  return {
    id: 'error',
    title: 'Error over length',
    description:
      'Largest absolute difference between the runtime and a float64 reference, with the tolerance it must stay under (dashed).',
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

/** Equal tolerance lines are drawn once. */
function tolerances(measured: Measured): Reference[] {
  const lines = new Map<string, { readonly points: (readonly [number, number])[]; readonly mechanisms: string[] }>();
  for (const mechanism of measured.identities.keys()) {
    if (measured.hidden.has(mechanism)) continue;
    const points = measured.rows
      .filter((row) => row.mechanism === mechanism && row.tolerance !== undefined && row.tolerance > 0)
      .sort((a, b) => a.length - b.length)
      .map((row) => [row.length, row.tolerance ?? 0] as const);
    if (points.length === 0) continue;
    const key = JSON.stringify(points);
    const line = lines.get(key);
    if (line) line.mechanisms.push(mechanism);
    else lines.set(key, { points, mechanisms: [mechanism] });
  }
  const all = [...lines.values()];
  return all.map(({ points, mechanisms }): Reference => {
    const identity = measured.identities.get(mechanisms[0] ?? '');
    const first = points[0];
    const codes = mechanisms.map((id) => measured.identities.get(id)?.code ?? id).join(', ');
    return {
      points: points.length === 1 && first ? [[first[0] / 1.4, first[1]], [first[0] * 1.4, first[1]]] : points,
      label: all.length === 1 ? 'tolerance' : `tolerance ${codes}`,
      labelAt: 'end',
      ...(identity && mechanisms.length === 1 ? { identity } : {}),
    };
  });
}
