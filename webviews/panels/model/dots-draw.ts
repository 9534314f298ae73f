/** Draws a layout of dots on a canvas, or writes it as SVG; both from the same outlines and colours. */
import { escapeXml } from '../../../protocol/wire/escape-xml';
import { colourOf, shapes } from '../../charts/palette';
import type { Theme } from '../../ui/theme';
import { identityOf, type Cell, type DotsLayout, type LayerKind, type Row } from './dots-layout';

/** Outlines of `shapes` lie in a box of 16 x 16. */
const box = 16;
const capsuleOpacity = 0.2;

const isContrast = (theme: Theme): boolean => theme.kind.startsWith('high-contrast');
const capsuleHeight = ({ rowHeight }: DotsLayout): number => rowHeight - 1;
const radius = (layout: DotsLayout): number => Math.min(4, capsuleHeight(layout) / 2);

export interface Marked {
  /** The head under the keyboard or the pointer. */
  readonly cell?: Cell | undefined;
}

export function drawDots(
  canvas: CanvasRenderingContext2D,
  layout: DotsLayout,
  theme: Theme,
  scale: number,
  marked: Marked = {},
): void {
  canvas.setTransform(scale, 0, 0, scale, 0, 0);
  canvas.clearRect(0, 0, layout.width, layout.height);
  canvas.font = `${labelSize(theme)}px ${theme.font}`;
  canvas.textAlign = 'right';
  canvas.textBaseline = 'middle';
  const paths = new Map<LayerKind, Path2D>();
  for (const row of layout.rows) {
    drawCapsules(canvas, layout, row, theme, marked.cell);
    let path = paths.get(row.kind);
    if (path === undefined) {
      path = outline(row.kind, layout.mark);
      paths.set(row.kind, path);
    }
    canvas.fillStyle = colourOf(identityOf(row.kind), theme.dark);
    for (const x of row.xs) {
      canvas.translate(x, row.y);
      canvas.fill(path);
      canvas.translate(-x, -row.y);
    }
    const written = row.layer === marked.cell?.layer ? String(row.layer) : row.label;
    if (written !== undefined) {
      canvas.fillStyle = row.layer === marked.cell?.layer ? theme.foreground : theme.muted;
      canvas.fillText(written, labelRight, labelMiddle(row, theme));
    }
  }
  drawMark(canvas, layout, theme, marked.cell);
}

const labelRight = 24;
const labelSize = (theme: Theme): number => theme.fontSize - 3;
/** In narrow rows the number of the first one would stand out at the top. */
const labelMiddle = ({ y }: Row, theme: Theme): number => Math.max(y, labelSize(theme) / 2 + 1);

/** The outline of a kind around the origin, `size` wide. */
function outline(kind: LayerKind, size: number): Path2D {
  const path = new Path2D();
  const factor = size / box;
  path.addPath(new Path2D(shapes[identityOf(kind).shape]), new DOMMatrix([factor, 0, 0, factor, -size / 2, -size / 2]));
  return path;
}

function drawCapsules(
  canvas: CanvasRenderingContext2D,
  layout: DotsLayout,
  row: Row,
  theme: Theme,
  cell: Cell | undefined,
): void {
  const height = capsuleHeight(layout);
  for (const { x, width, first, last } of row.capsules) {
    const inside = cell?.layer === row.layer && cell.head !== undefined && cell.head >= first && cell.head <= last;
    canvas.beginPath();
    canvas.roundRect(x, row.y - height / 2, width, height, radius(layout));
    canvas.fillStyle = theme.muted;
    canvas.globalAlpha = isContrast(theme) ? 0 : inside ? 2 * capsuleOpacity : capsuleOpacity;
    canvas.fill();
    canvas.globalAlpha = 1;
    if (inside || isContrast(theme)) {
      canvas.strokeStyle = inside ? theme.focus : theme.line;
      canvas.lineWidth = 1;
      canvas.stroke();
    }
  }
}

function drawMark(canvas: CanvasRenderingContext2D, layout: DotsLayout, theme: Theme, cell: Cell | undefined): void {
  const row = cell === undefined ? undefined : layout.rows[cell.layer];
  const x = row?.xs[cell?.head ?? 0];
  if (row === undefined || x === undefined) return;
  canvas.strokeStyle = theme.foreground;
  canvas.lineWidth = 1.5;
  canvas.beginPath();
  canvas.arc(x, row.y, layout.mark / 2 + 2, 0, 2 * Math.PI);
  canvas.stroke();
}

/** The picture alone, as a group that can stand anywhere in a larger SVG. */
export function dotsSvg(layout: DotsLayout, theme: Theme): string {
  const height = capsuleHeight(layout);
  const factor = rounded(layout.mark / box);
  const used = [...new Set(layout.rows.map(({ kind }) => kind))];
  const parts: string[] = [];
  for (const row of layout.rows) {
    for (const { x, width } of row.capsules) {
      const look = isContrast(theme)
        ? `fill="none" stroke="${theme.line}"`
        : `fill="${theme.muted}" fill-opacity="${capsuleOpacity}"`;
      parts.push(
        `<rect x="${rounded(x)}" y="${rounded(row.y - height / 2)}" width="${rounded(width)}" height="${height}" rx="${radius(layout)}" ${look}/>`,
      );
    }
    if (row.label !== undefined) {
      parts.push(
        `<text x="${labelRight}" y="${rounded(labelMiddle(row, theme))}" font-size="${labelSize(theme)}" text-anchor="end" dominant-baseline="central" fill="${theme.muted}">${escapeXml(row.label)}</text>`,
      );
    }
  }
  for (const kind of used) {
    const identity = identityOf(kind);
    const marks = layout.rows
      .filter((row) => row.kind === kind)
      .flatMap(({ xs, y }) => xs.map((x) => markSvg(kind, x - layout.mark / 2, y - layout.mark / 2, factor)));
    parts.push(`<g fill="${colourOf(identity, theme.dark)}">${marks.join('')}</g>`);
  }
  return parts.join('\n');
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

const markSvg = (kind: LayerKind, x: number, y: number, factor: number): string =>
  `<path transform="translate(${rounded(x)} ${rounded(y)}) scale(${factor})" d="${shapes[identityOf(kind).shape]}"/>`;
