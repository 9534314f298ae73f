/** Pictures of modules as sections. */
import type { HeatMap, Picture } from '../../../kernels/picture';
import type { MapAxis } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';

export function sectionOf(picture: Picture): Section {
  const { id, title, caption } = picture;
  switch (picture.kind) {
    case 'heat-map': {
      const { unit, definition, scale, rows, columns, values } = picture;
      return {
        kind: 'map',
        id,
        title,
        caption,
        unit,
        definition,
        scale: { kind: scale },
        rows: axisOf(rows, values.length),
        columns: axisOf(columns, values[0]?.length ?? 0),
        values,
      };
    }
    case 'chart':
      return {
        kind: 'chart',
        id,
        title,
        caption,
        x: picture.x,
        y: picture.y,
        series: picture.series.map((series, at) => ({ id: `series-${at}`, ...series })),
      };
    case 'table':
      return {
        kind: 'table',
        id,
        title,
        caption,
        columns: picture.columns.map((column, at) => ({ name: `column-${at}`, ...column })),
        rows: picture.rows,
      };
  }
}

const axisOf = ({ title, labels }: HeatMap['rows'], count: number): MapAxis => ({
  title,
  labels: labels ?? Array.from({ length: count }, (_, at) => String(at)),
  named: true,
});
