/** Pictures of modules as sections. */
import type { Picture } from '../../kernels/picture';
import type { Section } from '../../protocol/sections/section';

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
        rows: { title: rows.title, labels: rows.labels ?? values.map((_, at) => String(at)) },
        columns: { title: columns.title, labels: columns.labels ?? (values[0] ?? []).map((_, at) => String(at)) },
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
