/** Series of a chart: lines with their symbols, bands of their spread, the pinned point. */
import { samePoint, type Series } from './chart';
import { opacityOf, type DrawOptions } from './draw-options';
import type { CustomSeriesOption, LineSeriesOption } from './echarts';
import { colourOf, shapes } from './palette';

export function lineSeries(series: Series, options: DrawOptions): LineSeriesOption {
  const { theme } = options;
  const colour = colourOf(series.identity, theme.dark);
  const measured = series.role === 'measured';
  const opacity = opacityOf(series, options);
  return {
    id: series.id,
    name: series.title,
    type: 'line',
    z: measured ? 4 : 3,
    symbol: `path://${shapes[series.identity.shape]}`,
    symbolSize: series.role === 'prediction' ? 0 : 8,
    showSymbol: series.role !== 'prediction',
    lineStyle: {
      color: colour,
      width: series.mark === 'points' ? 0 : measured ? 2 : 1.25,
      opacity,
      type: series.role === 'measured' ? (series.identity.dash.length ? [...series.identity.dash] : 'solid') : [3, 3],
    },
    itemStyle: { color: colour, opacity },
    emphasis: { disabled: true },
    data: series.points.map((point) => ({
      value: [point.x, point.y],
      ...(point.provisional || series.role === 'other'
        ? { itemStyle: { color: theme.background, borderColor: colour, borderWidth: 1.5, opacity } }
        : {}),
    })),
  };
}

export function bandSeries(series: Series, options: DrawOptions): CustomSeriesOption {
  const banded = series.points.filter((point) => point.low !== undefined && point.high !== undefined);
  const colour = colourOf(series.identity, options.theme.dark);
  return {
    id: `${series.id} band`,
    type: 'custom',
    silent: true,
    z: 2,
    tooltip: { show: false },
    data: banded.map((point) => [point.x, point.low ?? point.y, point.high ?? point.y]),
    encode: { x: 0, y: [1, 2] },
    renderItem: (params, api) => {
      if (params.dataIndex !== 0) return undefined;
      const opacity = 0.22 * opacityOf(series, options);
      const upper = banded.map((point) => api.coord([point.x, point.high ?? point.y]));
      const lower = banded.map((point) => api.coord([point.x, point.low ?? point.y]));
      return {
        type: 'group',
        silent: true,
        children: [
          { type: 'polygon', shape: { points: [...upper, ...lower.reverse()] }, style: { fill: colour, opacity } },
          // A single point has no area: its interval is drawn as a bar.
          ...(banded.length === 1 && upper[0] && lower[0]
            ? [
                {
                  type: 'line' as const,
                  shape: {
                    x1: upper[0][0] ?? 0,
                    y1: upper[0][1] ?? 0,
                    x2: lower[0][0] ?? 0,
                    y2: lower[0][1] ?? 0,
                  },
                  style: { stroke: colour, lineWidth: 5, opacity },
                },
              ]
            : []),
        ],
      };
    },
  };
}

export function pinSeries(drawn: readonly Series[], { pinned, theme }: DrawOptions): LineSeriesOption[] {
  const at = drawn
    .filter(({ role }) => role === 'measured')
    .flatMap(({ points }) => points)
    .filter(({ key }) => samePoint(key, pinned));
  return [
    {
      id: 'pin',
      type: 'line',
      silent: true,
      z: 6,
      tooltip: { show: false },
      symbol: 'circle',
      symbolSize: 16,
      lineStyle: { width: 0 },
      itemStyle: { color: 'transparent', borderColor: theme.focus, borderWidth: 2 },
      data: at.map((point) => [point.x, point.y]),
    },
  ];
}
