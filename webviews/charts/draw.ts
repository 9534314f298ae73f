/** Turns the description of a chart into an ECharts option for a size and a theme. Pure, so that screen and export agree. */
import type { Theme } from '../ui/theme';
import { binaryTicks, decimalTicks, logDomain, thin } from './axis';
import { samePoint, type Axis, type Chart, type Mark, type PointKey, type Reference, type Series } from './chart';
import type { CustomSeriesOption, LineSeriesOption, Option, SeriesOption } from './echarts';
import { colourOf, shapes } from './palette';

export interface DrawOptions {
  readonly theme: Theme;
  readonly width: number;
  readonly height: number;
  readonly pinned?: PointKey | undefined;
  /** Series put in front of the others, which fade. */
  readonly emphasised?: string | undefined;
}

type Domain = readonly [number, number];

/** Room for the name of the y axis above, and for labels and name of the x axis below. */
const top = 28;
const bottom = 38;

export function draw(chart: Chart, given: DrawOptions): Option {
  const { width, height } = given;
  // Quoted names break the SVG that ECharts writes as text: it does not escape its attributes (6.1.0).
  const theme = { ...given.theme, font: given.theme.font.replaceAll('"', "'") };
  const options = { ...given, theme };
  const small = Math.max(10, theme.fontSize - 2);
  const drawn = chart.series.filter(({ points }) => points.length > 0);
  const points = drawn.flatMap((series) => series.points);
  const xDomain = logDomain([...points.map(({ x }) => x), ...(chart.x.include ?? [])], 0.04);
  const yDomain = logDomain(
    [
      ...points.flatMap(({ y, low, high }) => [y, low ?? y, high ?? y]),
      ...(chart.y.include ?? []),
      ...chart.references.flatMap((reference) => reference.points.map(([, y]) => y)),
    ],
    0.08,
  );
  const yTicks = ticksOf(chart.y, yDomain, Math.max(3, Math.floor((height - 64) / 26)));
  const left = Math.ceil(Math.max(...yTicks.map((tick) => textWidth(chart.y.format(tick), small)), 12)) + 14;
  const right = drawn.length > 0 ? 34 : 12;
  const plotWidth = width - left - right;
  const xTicks = xTicksOf(chart.x, xDomain, plotWidth, small);
  const axis = {
    type: 'log' as const,
    nameTextStyle: { color: theme.muted, fontSize: small, fontFamily: theme.font },
    axisLine: { show: true, onZero: false, lineStyle: { color: theme.line } },
    minorTick: { show: false },
  };
  const label = { color: theme.muted, fontSize: small, fontFamily: theme.font };
  return {
    animation: false,
    backgroundColor: 'transparent',
    textStyle: { fontFamily: theme.font, fontSize: small },
    grid: { left, right, top, bottom, outerBoundsMode: 'none' },
    xAxis: {
      ...axis,
      logBase: 2,
      min: xDomain[0],
      max: xDomain[1],
      name: nameOf(chart.x),
      nameLocation: 'middle',
      nameGap: 24,
      axisTick: { show: true, customValues: [...xTicks], lineStyle: { color: theme.line } },
      axisLabel: {
        ...label,
        customValues: [...xTicks],
        formatter: (value: number) => chart.x.format(value),
        hideOverlap: true,
      },
      splitLine: { show: false },
      axisPointer: { snap: true },
    },
    yAxis: {
      ...axis,
      min: yDomain[0],
      max: yDomain[1],
      name: nameOf(chart.y),
      nameLocation: 'end',
      nameGap: 10,
      nameTextStyle: { ...axis.nameTextStyle, align: 'left', padding: [0, 0, 0, 4 - left] },
      axisTick: { show: false, customValues: [...yTicks] },
      axisLabel: { ...label, customValues: [...yTicks], formatter: (value: number) => chart.y.format(value) },
      splitLine: { show: true, lineStyle: { color: theme.line, opacity: 0.35, width: 1 } },
    },
    series: [
      ...chart.marks.map((mark, index) => markSeries(mark, index, options, small)),
      ...chart.references.map((reference, index) => referenceSeries(reference, index, options, small)),
      ...drawn.filter(({ role }) => role === 'measured').map((series) => bandSeries(series, options)),
      ...drawn.map((series) => lineSeries(series, options)),
      endLabels(
        drawn,
        { x: xDomain, y: yDomain, left, top, width: plotWidth, height: height - top - bottom },
        options,
        small,
      ),
      ...pinSeries(drawn, options),
    ],
  };
}

const nameOf = (axis: Axis): string => (axis.unit ? `${axis.name} (${axis.unit})` : axis.name);

function ticksOf(axis: Axis, domain: Domain, room: number): readonly number[] {
  const binary = axis.base === 2 ? binaryTicks(domain, room) : [];
  // A ratio that hardly leaves one has no two powers of two to stand on.
  return binary.length >= 2 ? binary : decimalTicks(domain, room);
}

function xTicksOf(axis: Axis, domain: Domain, plotWidth: number, fontSize: number): readonly number[] {
  const roomFor = (ticks: readonly number[]): number => {
    const widest = Math.max(...ticks.map((tick) => textWidth(axis.format(tick), fontSize)), 16);
    return Math.max(2, Math.floor(plotWidth / (widest + 12)));
  };
  const wanted = axis.base === 2 ? (axis.include ?? []) : [];
  const apart = wanted.every((value, index) => index === 0 || value >= 1.4 * (wanted[index - 1] ?? 0));
  if (wanted.length > 0 && apart) return thin(wanted, roomFor(wanted));
  const all = ticksOf(axis, domain, 64);
  return ticksOf(axis, domain, roomFor(all));
}

function opacityOf(series: Series, { emphasised }: DrawOptions): number {
  const faint = series.role === 'other' ? 0.55 : series.role === 'prediction' ? 0.7 : 1;
  return emphasised !== undefined && emphasised !== series.identity.id ? faint * 0.25 : faint;
}

function lineSeries(series: Series, options: DrawOptions): LineSeriesOption {
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
      width: measured ? 2 : 1.25,
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

function bandSeries(series: Series, options: DrawOptions): CustomSeriesOption {
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

function referenceSeries(reference: Reference, index: number, options: DrawOptions, fontSize: number): SeriesOption {
  const { theme } = options;
  const stroke = reference.identity ? colourOf(reference.identity, theme.dark) : theme.muted;
  const atStart = reference.labelAt === 'start';
  return {
    id: `reference ${index}`,
    type: 'custom',
    silent: true,
    z: 1,
    clip: true,
    tooltip: { show: false },
    data: [reference.points.flatMap(([x, y]) => [x, y])],
    encode: { x: 0, y: 1 },
    renderItem: (params, api) => {
      const area = params.coordSys as unknown as { x: number; y: number; width: number; height: number };
      const line = reference.points.map((point) => api.coord([...point]));
      const end = atStart ? line[0] : line.at(-1);
      const width = textWidth(reference.label, fontSize);
      const at = [
        Math.min(Math.max(end?.[0] ?? 0, area.x), area.x + area.width),
        Math.max(end?.[1] ?? 0, area.y + fontSize + 2),
      ];
      return {
        type: 'group',
        silent: true,
        children: [
          {
            type: 'polyline',
            shape: { points: line },
            style: { stroke, lineWidth: 1, lineDash: [4, 3], fill: 'none', opacity: 0.9 },
          },
          {
            type: 'text',
            style: {
              text: reference.label,
              // A line that ends early leaves no room before its end: the label then starts where the plot does.
              x: Math.max(area.x + 4 + (atStart ? 0 : width), (at[0] ?? 0) + (atStart ? 4 : -4)),
              y: (at[1] ?? 0) - 3,
              align: atStart ? 'left' : 'right',
              verticalAlign: 'bottom',
              fill: reference.identity ? stroke : theme.muted,
              fontSize,
              fontFamily: theme.font,
              stroke: theme.background,
              lineWidth: 3,
            },
          },
        ],
      };
    },
  };
}

function markSeries(mark: Mark, index: number, options: DrawOptions, fontSize: number): SeriesOption {
  const { theme } = options;
  const first = mark.identities[0];
  const colour = mark.identities.length === 1 && first ? colourOf(first, theme.dark) : theme.muted;
  return {
    id: `mark ${index}`,
    type: 'custom',
    silent: true,
    z: 1,
    tooltip: { show: false },
    data: [[mark.x, 1]],
    encode: { x: 0 },
    renderItem: (params, api) => {
      const area = params.coordSys as unknown as { x: number; y: number; width: number; height: number };
      const x = api.coord([mark.x, 1])[0] ?? 0;
      const bottom = area.y + area.height;
      const toLeft = x + textWidth(mark.label, fontSize) + 6 > area.x + area.width;
      return {
        type: 'group',
        silent: true,
        children: [
          {
            type: 'line',
            shape: { x1: x, y1: area.y, x2: x, y2: bottom },
            style: { stroke: colour, lineWidth: 1, lineDash: [1, 3] },
          },
          {
            type: 'polygon',
            shape: {
              points: [
                [x, bottom - 7],
                [x + 4, bottom],
                [x - 4, bottom],
              ],
            },
            style: { fill: colour },
          },
          {
            type: 'text',
            style: {
              text: mark.label,
              x: x + (toLeft ? -6 : 6),
              // Marks that stand close are told apart by their row.
              y: bottom - 4 - (index % 3) * (fontSize + 3),
              align: toLeft ? 'right' : 'left',
              verticalAlign: 'bottom',
              fill: colour,
              fontSize,
              fontFamily: theme.font,
              stroke: theme.background,
              lineWidth: 3,
            },
          },
        ],
      };
    },
  };
}

interface PlotArea {
  readonly x: Domain;
  readonly y: Domain;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface EndLabel {
  readonly text: string;
  readonly x: number;
  readonly width: number;
  y: number;
}

/**
 * Moves labels apart that would stand on each other, as little as possible and not out of `top`..`bottom`. ECharts's own
 * layout pushes them down only, out of the plot.
 */
export function spread<L extends EndLabel>(labels: readonly L[], gap: number, from: number, to: number): L[] {
  const placed = labels.map((label) => ({ ...label, y: Math.min(Math.max(label.y, from), to) }));
  placed.sort((a, b) => a.y - b.y);
  const meet = (a: L, b: L): boolean => a.x < b.x + b.width && b.x < a.x + a.width;
  for (let round = 0; round < 24; round += 1) {
    let moved = false;
    for (const [index, label] of placed.entries()) {
      for (const other of placed.slice(index + 1)) {
        const overlap = gap - (other.y - label.y);
        if (overlap <= 0.01 || !meet(label, other)) continue;
        label.y = Math.max(from, label.y - overlap / 2);
        other.y = Math.min(to, Math.max(other.y, label.y + gap));
        if (other.y - label.y < gap) label.y = Math.max(from, other.y - gap);
        moved = true;
      }
    }
    if (!moved) break;
    placed.sort((a, b) => a.y - b.y);
  }
  return placed;
}

/** The code of each class at the last point of its line. */
function endLabels(
  drawn: readonly Series[],
  area: PlotArea,
  options: DrawOptions,
  fontSize: number,
): CustomSeriesOption {
  const place = (value: number, [low, high]: Domain): number => Math.log(value / low) / Math.log(high / low);
  const labels = drawn
    .filter(({ role }) => role === 'measured')
    .flatMap((series) => {
      const last = series.points.at(-1);
      if (!last) return [];
      return [
        {
          series,
          text: series.identity.code,
          x: area.left + area.width * place(last.x, area.x) + 8,
          y: area.top + area.height * (1 - place(last.y, area.y)),
          width: textWidth(series.identity.code, fontSize) * 1.15,
        },
      ];
    });
  const half = fontSize / 2;
  const placed = spread(labels, fontSize + 1, area.top + half, area.top + area.height - half);
  return {
    id: 'end labels',
    type: 'custom',
    silent: true,
    z: 5,
    tooltip: { show: false },
    data: placed.map(() => [area.x[0], area.y[0]]),
    encode: { x: 0, y: 1 },
    renderItem: ({ dataIndex }) => {
      const label = placed[dataIndex];
      if (!label) return undefined;
      return {
        type: 'text',
        silent: true,
        style: {
          text: label.text,
          x: label.x,
          y: label.y,
          verticalAlign: 'middle',
          fill: colourOf(label.series.identity, options.theme.dark),
          opacity: opacityOf(label.series, options),
          fontSize,
          fontWeight: 600,
          fontFamily: options.theme.font,
          stroke: options.theme.background,
          lineWidth: 3,
        },
      };
    },
  };
}

function pinSeries(drawn: readonly Series[], { pinned, theme }: DrawOptions): LineSeriesOption[] {
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

let measuring: CanvasRenderingContext2D | null | undefined;

/** Families as CSS names them, and the weight. */
export interface Face {
  readonly font: string;
  readonly weight?: number;
}

const plainFace: Face = { font: 'sans-serif' };

/** Width in pixels; an estimate where there is no canvas. */
export function textWidth(text: string, fontSize: number, { font, weight = 400 }: Face = plainFace): number {
  if (measuring === undefined) {
    measuring = typeof document === 'undefined' ? null : document.createElement('canvas').getContext('2d');
  }
  if (!measuring) return text.length * fontSize * 0.56;
  measuring.font = `${weight} ${fontSize}px ${font}`;
  return measuring.measureText(text).width * 1.05;
}
