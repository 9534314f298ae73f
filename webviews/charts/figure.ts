/**
 * A picture that leaves the panel: sentence, legend, charts and what made them, as one SVG; PNG is that SVG drawn at twice the
 * size. Both carry the provenance as text and as machine-readable metadata.
 */
import type { Theme } from '../ui/theme';
import type { Chart } from './chart';
import { draw } from './draw';
import { textWidth } from './text-width';
import { renderSvg } from './echarts';
import { escapeXml, wrap, type Figure } from './image';
import { colourOf, shapes, type Identity } from './palette';

export interface FigureOptions {
  readonly sentence: string;
  readonly charts: readonly Chart[];
  readonly legend: readonly { readonly identity: Identity; readonly label: string }[];
  /** Lines under the picture: device, versions, settings. */
  readonly provenance: readonly string[];
  /** Everything of the provenance, for machines. */
  readonly metadata: unknown;
  readonly theme: Theme;
}

const cell = { width: 560, height: 320, gap: 16 };
const margin = 20;

export function figure(options: FigureOptions): Figure {
  const { charts, theme } = options;
  const columns = Math.min(2, Math.max(1, charts.length));
  const width = 2 * margin + columns * cell.width + (columns - 1) * cell.gap;
  const inner = width - 2 * margin;
  const size = theme.fontSize;
  const line = (text: string, y: number, attributes: string): string =>
    `<text x="${margin}" y="${y}" ${attributes}>${escapeXml(text)}</text>`;
  const parts: string[] = [];
  let y = margin + size;
  for (const sentence of wrap(options.sentence, inner, size + 2, { font: theme.font, weight: 600 })) {
    parts.push(line(sentence, y, `font-size="${size + 2}" font-weight="600" fill="${theme.foreground}"`));
    y += size + 8;
  }
  const legend = legendRows(options, inner, y);
  parts.push(legend.svg);
  y = legend.bottom + 8;
  // An odd number of charts leaves no hole: the first one takes a whole row.
  const wide = columns === 2 && charts.length % 2 === 1 ? 1 : 0;
  charts.forEach((chart, index) => {
    const place = index === 0 ? 0 : index + wide;
    const left = margin + (place % columns) * (cell.width + cell.gap);
    const top = y + Math.floor(place / columns) * (cell.height + cell.gap);
    const chartWidth = index === 0 && wide ? inner : cell.width;
    parts.push(
      `<text x="${left}" y="${top + size}" font-size="${size}" font-weight="600" fill="${theme.foreground}">${escapeXml(chart.title)}</text>`,
      nest(
        renderSvg(draw(chart, { theme, width: chartWidth, height: cell.height - 24 }), chartWidth, cell.height - 24),
        left,
        top + 22,
        index,
      ),
    );
  });
  y += Math.ceil((charts.length + wide) / columns) * (cell.height + cell.gap);
  for (const text of options.provenance.flatMap((entry) => wrap(entry, inner, size - 2, theme))) {
    y += size + 2;
    parts.push(line(text, y, `font-size="${size - 2}" fill="${theme.muted}"`));
  }
  const height = Math.ceil(y + margin);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${escapeXml(theme.font)}" role="img">
<title>${escapeXml(options.sentence)}</title>
<metadata>${escapeXml(JSON.stringify(options.metadata))}</metadata>
<rect width="100%" height="100%" fill="${theme.background}"/>
${parts.join('\n')}
</svg>`;
  return { svg, width, height };
}

function legendRows({ legend, theme }: FigureOptions, inner: number, top: number): { svg: string; bottom: number } {
  const size = theme.fontSize - 1;
  let x = margin;
  let y = top + 4;
  const entries = legend.map(({ identity, label }) => {
    const text = `${identity.code}  ${label}`;
    const width = 16 + textWidth(text, size) * 1.08 + 20;
    if (x + width > margin + inner && x > margin) {
      x = margin;
      y += size + 8;
    }
    const entry = `<g transform="translate(${x} ${y - 5})"><path transform="scale(0.625)" d="${shapes[identity.shape]}" fill="${colourOf(identity, theme.dark)}"/><text x="16" y="9" font-size="${size}" fill="${theme.foreground}">${escapeXml(text)}</text></g>`;
    x += width;
    return entry;
  });
  return { svg: entries.join('\n'), bottom: y + 12 };
}

/** Ids of one drawing must not meet those of the next in the same file. */
function nest(svg: string, x: number, y: number, index: number): string {
  return svg
    .replace(/<svg /, `<svg x="${x}" y="${y}" `)
    .replaceAll(/\bid="([^"]+)"/g, `id="c${index}-$1"`)
    .replaceAll(/url\(#([^)]+)\)/g, `url(#c${index}-$1)`)
    .replaceAll(/href="#([^"]+)"/g, `href="#c${index}-$1"`);
}
