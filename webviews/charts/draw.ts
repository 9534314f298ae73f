/** Turns the description of a chart into an ECharts option for a size and a theme. Pure, so that screen and export agree. */
import type { Domain } from './axis';
import { domainOfAxis, place, ticksOf, xTicksOf } from './chart-axis';
import type { Axis, Chart, Series } from './chart';
import { barSeries, spacing, whiskerSeries } from './draw-bars';
import { markSeries, referenceSeries } from './draw-lines';
import type { DrawOptions } from './draw-options';
import { bandSeries, lineSeries, pinSeries } from './draw-series';
import type { Option } from './echarts';
import { endLabelRoom, endLabels } from './end-labels';
import { textWidth } from './text-width';

/** Room for the name of the y axis above, and for labels and name of the x axis below. */
const top = 28;
const bottom = 38;
/** Share of the width that the names at the ends of lines take at most. */
const mostForNames = 0.32;

export function draw(chart: Chart, given: DrawOptions): Option {
  const { width, height } = given;
  // Quoted names break the SVG that ECharts writes as text: it does not escape its attributes (6.1.0).
  const theme = { ...given.theme, font: given.theme.font.replaceAll('"', "'") };
  const options = { ...given, theme };
  const small = Math.max(10, theme.fontSize - 2);
  const drawn = chart.series.filter(({ points }) => points.length > 0);
  const points = drawn.flatMap((series) => series.points);
  const bars = drawn.filter(({ mark }) => mark === 'bars');
  const stacks = drawn.filter(({ mark }) => mark === 'stack');
  const fromZero = bars.length + stacks.length > 0;
  const xDomain = aroundBars(
    domainOfAxis(
      chart.x,
      points.map(({ x }) => x),
      fromZero ? 0.08 : 0.04,
    ),
    chart.x,
    [...bars, ...stacks],
  );
  const yDomain = domainOfAxis(
    chart.y,
    [
      ...points.flatMap(({ y, low, high }) => [y, low ?? y, high ?? y]),
      // A bar that does not start at zero says nothing by its length.
      ...(fromZero ? [0] : []),
      ...chart.references.flatMap((reference) => reference.points.map(([, y]) => y)),
    ],
    0.08,
  );
  const yTicks = ticksOf(chart.y, yDomain, Math.max(3, Math.floor((height - 64) / 26)));
  const left = Math.ceil(Math.max(...yTicks.map((tick) => textWidth(chart.y.format(tick), small)), 12)) + 14;
  const lines = drawn.filter(({ mark }) => mark === undefined);
  // Where names would take too much of the plot, the legend alone says them.
  const room = endLabelRoom(lines, small);
  const named = room <= width * mostForNames;
  const right = lines.length > 0 || chart.x.scale === undefined ? Math.max(34, named ? room : 0) : 12;
  const plotWidth = width - left - right;
  const { ticks: xTicks, turned } = xTicksOf(chart.x, xDomain, plotWidth, small);
  const below = bottom + turned;
  const axis = {
    nameTextStyle: { color: theme.muted, fontSize: small, fontFamily: theme.font },
    axisLine: { show: true, onZero: false, lineStyle: { color: theme.line } },
    minorTick: { show: false },
  };
  const label = { color: theme.muted, fontSize: small, fontFamily: theme.font };
  return {
    animation: false,
    backgroundColor: 'transparent',
    textStyle: { fontFamily: theme.font, fontSize: small },
    grid: { left, right, top, bottom: below, outerBoundsMode: 'none' },
    xAxis: {
      ...axis,
      ...typeOf(chart.x, 2),
      min: xDomain[0],
      max: xDomain[1],
      name: nameOf(chart.x),
      nameLocation: 'middle',
      nameGap: 24 + turned,
      axisTick: { show: true, customValues: [...xTicks], lineStyle: { color: theme.line } },
      axisLabel: {
        ...label,
        customValues: [...xTicks],
        formatter: (value: number) => chart.x.format(value),
        hideOverlap: turned === 0,
        ...(turned === 0 ? {} : { rotate: 40, width: turned * 1.4, overflow: 'truncate' as const }),
      },
      splitLine: { show: false },
      axisPointer: { snap: true },
    },
    yAxis: {
      ...axis,
      ...typeOf(chart.y, 10),
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
      ...lines.filter(({ role }) => role === 'measured').map((series) => bandSeries(series, options)),
      ...bars.map((series, index) => barSeries(series, { index, count: bars.length }, options)),
      ...stacks.map((series) => barSeries(series, { index: 0, count: 1 }, options)),
      ...drawn.filter(({ mark }) => mark !== 'bars' && mark !== 'stack').map((series) => lineSeries(series, options)),
      ...drawn
        .filter(({ mark }) => mark !== undefined && mark !== 'stack')
        .map((series) => whiskerSeries(series, { index: bars.indexOf(series), count: bars.length }, options)),
      endLabels(
        named ? lines : [],
        {
          x: (value) => place(chart.x, xDomain, value),
          y: (value) => place(chart.y, yDomain, value),
          from: [xDomain[0], yDomain[0]],
          left,
          top,
          width: plotWidth,
          height: height - top - below,
        },
        options,
        small,
      ),
      ...pinSeries(drawn, options),
    ],
  };
}

/** Bars stand about their value: the first and the last one are drawn whole. */
function aroundBars([low, high]: Domain, { scale }: Axis, bars: readonly Series[]): Domain {
  if (scale !== 'linear') return [low, high];
  const ends = bars.flatMap((series) => {
    const half = Math.min(spacing(series), high - low) / 2;
    return series.points.flatMap(({ x }) => [x - half, x + half]);
  });
  return [Math.min(low, ...ends), Math.max(high, ...ends)];
}

const nameOf = (axis: Axis): string => (axis.unit ? `${axis.name} (${axis.unit})` : axis.name);

/** Categories are whole numbers of a linear axis: bars, points and labels then stand on the same places. */
const typeOf = ({ scale }: Axis, logBase: number) =>
  scale === undefined ? { type: 'log' as const, logBase } : { type: 'value' as const, scale: true };
