/** A map is a matrix whose numbers are all at hand. */
import type { MapSection } from '../../../protocol/sections/map';
import type { Theme } from '../../ui/theme';
import { domainOf, noValueColour } from '../colours';
import { chosenScale } from '../log-colours';
import { cellBox, matrixPicture } from '../matrix/matrix-picture';
import type { MatrixWindow } from '../matrix/matrix-place';
import { placeOn } from '../matrix/matrix-labels';
import type { Picture } from '../picture';
import type { Mark } from '../scene';
import { valueWords } from '../words';
import { pixelsOf, pooled } from './map-pixels';

/** Texels for a CSS pixel. */
const ratio = 2;

/** `log`: what a person chose; else the scale of the section says. */
export function mapPicture(section: MapSection, log?: boolean): Picture {
  const { values, rows, columns, unit, scale, definition, title } = section;
  const across = widest(section);
  const domain = domainOf(
    chosenScale(scale, { log }),
    (function* () {
      for (const row of values) yield* row;
    })(),
  );
  const misses = values.some((row) => row.length < across || row.some(Number.isNaN));
  return matrixPicture({
    title,
    unit,
    rows,
    columns,
    down: values.length,
    across,
    mostCell: 26,
    domain: () => domain,
    misses: () => misses,
    cells: (window, theme) => [cellsOf(section, window, domain, theme)],
    words: ({ row, column }) => ({
      title: `${rows.title} ${placeOn(rows, row)}, ${columns.title} ${placeOn(columns, column)}`,
      value: valueWords(values[row]?.[column] ?? Number.NaN, unit, scale.kind === 'diverging'),
      definition,
    }),
  });
}

export const widest = ({ values }: MapSection): number => values.reduce((most, row) => Math.max(most, row.length), 0);

function cellsOf(
  { values }: MapSection,
  window: MatrixWindow,
  domain: ReturnType<typeof domainOf>,
  theme: Theme,
): Mark {
  const [top, bottom] = window.rows;
  const [left, right] = window.columns;
  const isWhole = top === 0 && bottom === values.length && left === 0;
  const seen = isWhole ? values : values.slice(top, bottom).map((row) => row.slice(left, right));
  const first = cellBox(window, top, left);
  const [width, height] = [first.width * (right - left), first.height * (bottom - top)];
  const raster = pooled(seen, right - left, height * ratio, width * ratio);
  return {
    kind: 'pixels',
    x: first.x,
    y: first.y,
    width,
    height,
    columns: raster.columns,
    rows: raster.rows,
    rgba: pixelsOf(raster, domain, theme.dark, noValueColour(theme)),
  };
}
