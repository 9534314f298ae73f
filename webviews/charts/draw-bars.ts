/** Bars from zero, and whiskers over bars and single points. */
import type { Series } from './chart';
import { opacityOf, type DrawOptions } from './draw-options';
import type { CustomSeriesOption } from './echarts';
import { colourOf, shapes } from './palette';

/** The place of a series among those that share a value of x. */
interface Share {
  /** -1: it is no bar, and stands in the middle. */
  readonly index: number;
  readonly count: number;
}

/** Smallest distance of two points along x: what the bars of one x share. */
export function spacing({ points }: Series): number {
  const xs = points.map(({ x }) => x).sort((a, b) => a - b);
  const gaps = xs.slice(1).map((x, at) => x - (xs[at] ?? 0));
  return gaps.reduce((least, gap) => (gap > 0 ? Math.min(least, gap) : least), Infinity);
}

type Api = Parameters<NonNullable<CustomSeriesOption['renderItem']>>[1];

function column(series: Series, { index, count }: Share, api: Api, x: number) {
  const gap = spacing(series);
  const unit = Number.isFinite(gap) ? gap : 1;
  const apart = Math.abs((api.coord([x + unit, 0])[0] ?? 0) - (api.coord([x, 0])[0] ?? 0));
  const all = series.mark === 'stack' ? apart * 0.94 : Math.min(apart * 0.8, 64);
  const width = Math.max(1, all / Math.max(1, count));
  const middle = api.coord([x, 0])[0] ?? 0;
  return { width, left: index < 0 ? middle - width / 2 : middle - all / 2 + index * width };
}

export function barSeries(series: Series, share: Share, options: DrawOptions): CustomSeriesOption {
  const fill = colourOf(series.identity, options.theme.dark);
  return {
    id: series.id,
    name: series.title,
    type: 'custom',
    z: 2,
    data: series.points.map(({ x, y }) => [x, y]),
    encode: { x: 0, y: 1 },
    renderItem: (params, api) => {
      const point = series.points[params.dataIndex];
      if (!point) return undefined;
      const area = params.coordSys as unknown as { y: number; height: number };
      const bottom = area.y + area.height;
      const { width, left } = column(series, share, api, point.x);
      const zero = api.coord([point.x, point.base ?? 0])[1] ?? bottom;
      const base = Number.isFinite(zero) ? Math.min(bottom, Math.max(area.y, zero)) : bottom;
      const top = api.coord([point.x, point.y])[1] ?? base;
      const height = Math.abs(base - top);
      const side = 8;
      // The shape of the class at the foot of its bar: not by colour alone.
      const marked = (share.count > 1 || series.mark === 'stack') && width >= side + 4 && height >= 3 * side;
      return {
        type: 'group',
        children: [
          {
            type: 'rect',
            shape: { x: left, y: Math.min(top, base), width: Math.max(1, width - 1), height },
            style: { fill, opacity: opacityOf(series, options) },
          },
          ...(marked
            ? [
                {
                  type: 'path' as const,
                  shape: {
                    pathData: shapes[series.identity.shape],
                    x: left + (width - 1 - side) / 2,
                    y: top < base ? base - side - 3 : base + 3,
                    width: side,
                    height: side,
                  },
                  style: { fill: options.theme.background },
                },
              ]
            : []),
        ],
      };
    },
  };
}

export function whiskerSeries(series: Series, share: Share, options: DrawOptions): CustomSeriesOption {
  const { theme } = options;
  const whole = series.points.filter((point) => point.low !== undefined && point.high !== undefined);
  return {
    id: `${series.id} whiskers`,
    type: 'custom',
    silent: true,
    z: 5,
    tooltip: { show: false },
    data: whole.map((point) => [point.x, point.low ?? point.y, point.high ?? point.y]),
    encode: { x: 0, y: [1, 2] },
    renderItem: (params, api) => {
      const point = whole[params.dataIndex];
      if (!point) return undefined;
      const { width, left } = column(series, share, api, point.x);
      const x = left + width / 2;
      const [low = 0, high = 0] = [point.low, point.high].map((y) => api.coord([point.x, y ?? point.y])[1] ?? 0);
      const ends = [
        [x, low, x, high],
        [x - 3, low, x + 3, low],
        [x - 3, high, x + 3, high],
      ] as const;
      const lines = (stroke: string, lineWidth: number) =>
        ends.map(([x1, y1, x2, y2]) => ({
          type: 'line' as const,
          shape: { x1, y1, x2, y2 },
          style: { stroke, lineWidth },
        }));
      // With a rim of the ground, so that it is seen on its bar.
      const children =
        share.index < 0
          ? lines(colourOf(series.identity, theme.dark), 1.25)
          : [...lines(theme.background, 3.5), ...lines(theme.foreground, 1.25)];
      return { type: 'group', silent: true, children };
    },
  };
}
