/** The name of each class at the end of its line, moved apart where they would stand on each other. */
import type { Series } from './chart';
import { opacityOf, type DrawOptions } from './draw-options';
import type { CustomSeriesOption } from './echarts';
import { colourOf } from './palette';
import { textWidth } from './text-width';

export interface PlotArea {
  /** Where a value stands, 0..1. */
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  /** Values at the origin. */
  readonly from: readonly [x: number, y: number];
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

const gapToLine = 8;

const widthOf = ({ identity }: Series, fontSize: number): number => textWidth(identity.name, fontSize) * 1.15;

/** Pixels right of the plot that the labels of lines take which end there. */
export const endLabelRoom = (drawn: readonly Series[], fontSize: number): number =>
  Math.ceil(Math.max(0, ...drawn.map((series) => gapToLine + widthOf(series, fontSize))));

/** The name of each class at the last point of its line. */
export function endLabels(
  drawn: readonly Series[],
  area: PlotArea,
  options: DrawOptions,
  fontSize: number,
): CustomSeriesOption {
  const labels = drawn
    .filter(({ role }) => role === 'measured')
    .flatMap((series) => {
      const last = series.points.at(-1);
      if (!last) return [];
      return [
        {
          series,
          text: series.identity.name,
          x: area.left + area.width * area.x(last.x) + gapToLine,
          y: area.top + area.height * (1 - area.y(last.y)),
          width: widthOf(series, fontSize),
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
    data: placed.map(() => [...area.from]),
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
