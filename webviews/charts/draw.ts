/** Turns the description of a chart into an ECharts option for a size and a theme. Pure, so that screen and export agree. */
import { binaryTicks, decimalTicks, leastApart, logDomain, thin, type Domain } from './axis';
import type { Axis, Chart } from './chart';
import { markSeries, referenceSeries } from './draw-lines';
import type { DrawOptions } from './draw-options';
import { bandSeries, lineSeries, pinSeries } from './draw-series';
import type { Option } from './echarts';
import { endLabels } from './end-labels';
import { textWidth } from './text-width';

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
  const apart = wanted.every((value, index) => index === 0 || value >= leastApart * (wanted[index - 1] ?? 0));
  if (wanted.length > 0 && apart) return thin(wanted, roomFor(wanted));
  const all = ticksOf(axis, domain, 64);
  return ticksOf(axis, domain, roomFor(all));
}
