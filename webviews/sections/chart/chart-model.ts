/** A chart section as the chart that `webviews/charts` draws. */
import type { ChartSection, SectionAxis, SectionSeries } from '../../../protocol/sections/chart';
import { twinByX, type Axis, type Chart, type Point, type Series } from '../../charts/chart';
import { identify, withLook } from '../../charts/palette';
import { count, significant, tick } from '../../ui/numbers';
import { intervalWords, shortened, valueWords, withUnit } from '../words';

function axisOf(axis: SectionAxis): Axis {
  const { title, unit, scale, categories = [], min, max } = axis;
  return {
    name: shortened(title, 60),
    ...(unit === '' ? {} : { unit }),
    base: scale === 'log2' ? 2 : 10,
    ...(scale === 'linear' || scale === 'category' ? { scale } : {}),
    ...(scale === 'category' ? { categories: categories.length } : {}),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    format: scale === 'category' ? (value) => shortened(categories[value] ?? '', 22) : axisNumber,
  };
}

/** A length of 1,024 is no 1,020. */
const axisNumber = (value: number): string =>
  Number.isInteger(value) && Math.abs(value) < 1e6 ? count(value) : tick(value);

const fits = (value: number, { scale }: SectionAxis): boolean =>
  Number.isFinite(value) && (scale === 'linear' || scale === 'category' || value > 0);

/** `3.14 s`, or the name of a category. */
export const along = (axis: SectionAxis, value: number): string =>
  axis.scale === 'category'
    ? shortened(axis.categories?.[value] ?? String(value), 60)
    : axis.scale === 'log2' && Number.isInteger(value)
      ? `${count(value)}${axis.unit === '' ? '' : ` ${axis.unit}`}`
      : valueWords(value, axis.unit);

/** Places of points that have no place on the axes: without a number, or not above zero on a logarithmic axis. */
export const leftOut = ({ x, y, series }: ChartSection): number =>
  series.reduce((sum, { points }) => sum + points.filter((point) => !fits(point.x, x) || !fits(point.y, y)).length, 0);

export function chartOf(section: ChartSection): Chart {
  const identities = identify(section.series.map(({ id, title }) => ({ id, title })));
  const bases = stackBases(section.series);
  const series = section.series.flatMap((one): Series[] => {
    const own = identities.get(one.id);
    if (!own) return [];
    const identity = one.look ? withLook(own, one.look) : own;
    const points = pointsOf(section, one, bases.get(one.id));
    return [
      {
        id: one.id,
        // One line alone needs no name at its end: the title of the chart says what it is.
        identity: section.series.length === 1 ? { ...identity, name: '' } : identity,
        title: shortened(one.title, 60),
        role: 'measured',
        points,
        ...(one.mark === 'line' ? {} : { mark: one.mark }),
      },
    ];
  });
  const counted =
    section.x.scale === 'linear' && series.every(({ points }) => points.every(({ x }) => Number.isInteger(x)));
  const x: Axis = { ...axisOf(section.x), ...(counted ? { whole: true } : {}) };
  const y = axisOf(section.y);
  return {
    id: section.id,
    title: section.title,
    description: `${withUnit(section.y.title, section.y.unit)} over ${withUnit(section.x.title, section.x.unit)}.`,
    x,
    y,
    series,
    references: (section.references ?? []).map(({ label, from, to }) => ({
      label: shortened(label, 40),
      points: [from, to],
    })),
    marks: [],
    twin: twinByX({ title: x.name }, { format: significant }, []),
    hover: section.series.every(({ mark }) => mark !== 'points') ? 'x' : 'point',
    empty: '',
  };
}

/** Where the bars of each series of a stack begin: by x, the sum of those before it. */
function stackBases(all: readonly SectionSeries[]): ReadonlyMap<string, ReadonlyMap<number, number>> {
  const tops = new Map<number, number>();
  return new Map(
    all
      .filter(({ mark }) => mark === 'stack')
      .map(({ id, points }) => {
        const own = new Map(points.map(({ x }) => [x, tops.get(x) ?? 0]));
        for (const { x, y } of points) tops.set(x, (tops.get(x) ?? 0) + (Number.isFinite(y) ? y : 0));
        return [id, own];
      }),
  );
}

function pointsOf(
  { x, y, interval }: ChartSection,
  { id, points, mark }: SectionSeries,
  bases: ReadonlyMap<number, number> | undefined,
): Point[] {
  const all = points.flatMap((point, at): Point[] => {
    if (!fits(point.x, x) || !fits(point.y, y)) return [];
    const { low, high } = point;
    const banded = low !== undefined && high !== undefined && fits(low, y) && fits(high, y);
    const about = intervalWords(low, high, interval);
    const named = point.label === undefined ? '' : `${shortened(point.label, 60)}: `;
    const where = mark === 'points' ? ` at ${x.title} ${along(x, point.x)}` : '';
    return [
      {
        x: point.x,
        y: (bases?.get(point.x) ?? 0) + point.y,
        ...(bases ? { base: bases.get(point.x) ?? 0 } : {}),
        ...(banded ? { low, high } : {}),
        key: { series: id, at },
        text: `${named}${along(y, point.y)}${where}${about === undefined ? '' : ` (${about})`}`,
      },
    ];
  });
  // A line is walked and drawn from left to right.
  return mark === 'line' ? all.sort((a, b) => a.x - b.x) : all;
}
