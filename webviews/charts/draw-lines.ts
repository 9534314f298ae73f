/** Lines that no series draws: references such as the roof, and marks of a value of x. */
import type { Mark, Reference } from './chart';
import type { DrawOptions } from './draw-options';
import type { SeriesOption } from './echarts';
import { colourOf } from './palette';
import { textWidth } from './text-width';

export function referenceSeries(
  reference: Reference,
  index: number,
  options: DrawOptions,
  fontSize: number,
): SeriesOption {
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

/**
 * Where the label of an upright line begins: right of it, or left of it where there is no room, but never on the axis: a label
 * that fits on neither side stands across its line.
 */
export function markLabelStart(x: number, width: number, area: { readonly x: number; readonly width: number }): number {
  const right = area.x + area.width;
  const beside = x + 6 + width > right ? x - 6 - width : x + 6;
  return Math.max(area.x + 4, beside);
}

export function markSeries(mark: Mark, index: number, options: DrawOptions, fontSize: number): SeriesOption {
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
              x: markLabelStart(x, textWidth(mark.label, fontSize), area),
              // Marks that stand close are distinguished by their row.
              y: bottom - 4 - (index % 3) * (fontSize + 3),
              align: 'left',
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
