import { html, nothing } from 'lit';
import type { ChartSection } from '../../../protocol/sections/chart';
import { draw } from '../../charts/draw';
import { renderSvg } from '../../charts/echarts';
import { colourOf } from '../../charts/palette';
import { symbol } from '../../charts/symbol';
import { count, significant } from '../../ui/numbers';
import { gridKey, parseGridKey } from '../grid-keys';
import { classItem, flow, wordsItem } from '../legend';
import { remembered } from '../remembered';
import { stacked } from '../scene';
import { twinColumn, type PageKind, type TwinRow } from '../section-kind';
import { shortened } from '../words';
import './chart-element';
import { along, chartOf, leftOut } from './chart-model';
import type { PointKey } from '../../charts/chart';

const chart = remembered(chartOf);

/** The place of a point by its section: series.point. */
const cursorOf = ({ series }: ChartSection, key: PointKey): string =>
  gridKey({ row: series.findIndex(({ id }) => id === key.series), column: key.at });

const keyOf = ({ series }: ChartSection, cursor: string | undefined): PointKey | undefined => {
  const at = cursor === undefined ? undefined : parseGridKey(cursor);
  const one = series[at?.row ?? -1];
  return at && one?.points[at.column] ? { series: one.id, at: at.column } : undefined;
};

export const chartKind: PageKind<ChartSection> = {
  drawn: 'page',
  isEmpty: ({ series }) => series.every(({ points }) => points.length === 0),
  body: ({ section, view, dark, actions }) => {
    const drawn = chart(section);
    const out = leftOut(section);
    return html`<hs-section-chart
        .chart=${drawn}
        .pinned=${keyOf(section, view.cursor)}
        .label=${`${drawn.title}. ${drawn.description} Arrow keys walk the points, Enter asks, Escape leaves.`}
        @pin=${({ detail }: CustomEvent<PointKey | null>) =>
          actions.view({ cursor: detail ? cursorOf(section, detail) : undefined })}
        @ask=${({ detail }: CustomEvent<PointKey>) => {
          const cursor = cursorOf(section, detail);
          actions.view({ cursor });
          const place = parseGridKey(cursor);
          if (section.ask !== undefined && place) actions.ask({ kind: 'cell', ...place });
        }}
      ></hs-section-chart>
      ${
        drawn.series.length > 1
          ? html`<ul class="chart-legend">
              ${drawn.series.map(
                ({ identity, title }) =>
                  html`<li class="legend-entry">${symbol(identity, dark)}<span>${title}</span></li>`,
              )}
            </ul>`
          : nothing
      }
      ${
        section.interval === undefined && out === 0
          ? nothing
          : html`<p class="reason">
              ${section.interval === undefined ? nothing : `Bands and whiskers: ${section.interval}.`}
              ${out === 0 ? nothing : `${count(out)} ${out === 1 ? 'point has' : 'points have'} no place on these axes.`}
            </p>`
      }`;
  },
  words: (section, cursor) => {
    const at = parseGridKey(cursor);
    const one = section.series[at?.row ?? -1];
    const point = chart(section)
      .series.find(({ id }) => id === one?.id)
      ?.points.find(({ key }) => key.at === at?.column);
    if (!one || !point) return undefined;
    const where = one.mark === 'points' ? '' : ` at ${along(section.x, point.x)}`;
    return `${shortened(one.title, 60)}${where}: ${point.text}`;
  },
  place: ({ series }, cursor) => {
    const at = parseGridKey(cursor);
    return at && series[at.row]?.points[at.column] ? { kind: 'cell', ...at } : undefined;
  },
  scene: (section, theme, width) => {
    const height = 300;
    const drawn = chart(section);
    const svg = renderSvg(draw(drawn, { theme, width, height }), width, height);
    const entries = drawn.series.map(({ identity, title }) =>
      classItem({ shape: identity.shape, colour: colourOf(identity, theme.dark), label: title }, theme),
    );
    const picture = { width, height, marks: [{ kind: 'svg', x: 0, y: 0, svg } as const] };
    return stacked(
      [
        picture,
        ...(drawn.series.length > 1 ? [flow(entries, width)] : []),
        ...(section.interval === undefined
          ? []
          : [flow([wordsItem(`Bands and whiskers: ${section.interval}.`, theme, theme.muted, width)], width)]),
      ],
      8,
    );
  },
  twin: (section) => {
    const { x, y, series, interval } = section;
    const named = series.some(({ points }) => points.some(({ label }) => label !== undefined));
    const banded = series.some(({ points }) => points.some(({ low }) => low !== undefined));
    const number = { text: (value: number) => significant(value) };
    const end = { unit: y.unit, hint: interval ?? 'End of the interval.', ...number };
    return {
      columns: [
        twinColumn(0, 'series', 'Series'),
        ...(named ? [twinColumn(1, 'name', 'Name')] : []),
        twinColumn(2, 'x', x.title, x.scale === 'category' ? {} : { unit: x.unit, ...number }),
        twinColumn(3, 'y', y.title, y.scale === 'category' ? {} : { unit: y.unit, ...number }),
        ...(banded ? [twinColumn(4, 'low', 'Low', end), twinColumn(5, 'high', 'High', end)] : []),
      ],
      rows: series.flatMap(({ title, points }) =>
        points.map((point): TwinRow => [
          title,
          point.label ?? '',
          x.scale === 'category' ? (x.categories?.[point.x] ?? point.x) : point.x,
          y.scale === 'category' ? (y.categories?.[point.y] ?? point.y) : point.y,
          point.low,
          point.high,
        ]),
      ),
    };
  },
};
