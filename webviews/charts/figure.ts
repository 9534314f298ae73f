/** The charts of a picture that leaves the panel, two in a row, under their legend. */
import type { Chart } from './chart';
import { draw } from './draw';
import { renderSvg } from './echarts';
import type { Identity } from './palette';
import { margin, type Sheet } from './sheet';

const cell = { width: 560, height: 320, gap: 16 };

const columnsOf = (charts: readonly Chart[]): number => Math.min(2, Math.max(1, charts.length));

export const chartsWidth = (charts: readonly Chart[]): number =>
  2 * margin + columnsOf(charts) * (cell.width + cell.gap) - cell.gap;

export function drawCharts(
  sheet: Sheet,
  charts: readonly Chart[],
  legend: readonly { readonly identity: Identity; readonly label: string }[],
): void {
  const { theme } = sheet;
  const size = theme.fontSize;
  sheet.legend(legend.map(({ identity, label }) => ({ identity, words: label })));
  const columns = columnsOf(charts);
  // An odd number of charts leaves no hole: the first one takes a whole row.
  const wide = columns === 2 && charts.length % 2 === 1 ? 1 : 0;
  charts.forEach((chart, index) => {
    const place = index === 0 ? 0 : index + wide;
    const left = margin + (place % columns) * (cell.width + cell.gap);
    const top = sheet.y + Math.floor(place / columns) * (cell.height + cell.gap);
    const width = index === 0 && wide ? sheet.inner : cell.width;
    const height = cell.height - 24;
    sheet.text(left, top + size, chart.title, `font-size="${size}" font-weight="600" fill="${theme.foreground}"`);
    sheet.parts.push(nest(renderSvg(draw(chart, { theme, width, height }), width, height), left, top + 22, index));
  });
  sheet.y += Math.ceil((charts.length + wide) / columns) * (cell.height + cell.gap);
}

/** Ids of one drawing must not meet those of the next in the same file. */
function nest(svg: string, x: number, y: number, index: number): string {
  return svg
    .replace(/<svg /, `<svg x="${x}" y="${y}" `)
    .replaceAll(/\bid="([^"]+)"/g, `id="c${index}-$1"`)
    .replaceAll(/url\(#([^)]+)\)/g, `url(#c${index}-$1)`)
    .replaceAll(/href="#([^"]+)"/g, `href="#c${index}-$1"`);
}
