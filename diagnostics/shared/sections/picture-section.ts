/** Pictures of modules as sections. */
import type { HeatMap, Picture } from '../../../kernels/picture';
import type { MapAxis } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import * as build from '../../../protocol/sections/builders';

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
      return build.chart(
        id,
        title,
        caption,
        picture.x,
        picture.y,
        picture.series.map((series, at) => ({ id: `series-${at}`, ...series })),
      );
    case 'table':
      return build.cellTable(
        id,
        title,
        caption,
        picture.columns.map((column, at) => ({ name: `column-${at}`, ...column })),
        picture.rows,
      );
  }
}

const axisOf = ({ title, labels }: HeatMap['rows'], count: number): MapAxis => ({
  title,
  labels: labels ?? Array.from({ length: count }, (_, at) => String(at)),
  named: true,
});
