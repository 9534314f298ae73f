/** The grid of heads as part of a file, with its key: the pictures are one image inside, all words are text. */
import { openCellPainter } from '../../charts/cell-painter';
import { parseColour, scaleStops } from '../../charts/colour-map';
import { headAtlas } from '../../charts/head-atlas';
import { margin, type Sheet } from '../../charts/sheet';
import { headKey } from '../../ui/head-names';
import { significant } from '../../ui/numbers';
import type { Theme } from '../../ui/theme';
import { gainOf } from './form';
import { cellsOf, gridLayout, gridModel, type GridModel } from './grid-model';
import { labelInfo, labelInfos } from './labels';
import { isSigned, type State } from './state';

/** Of the figure: a wide grid is drawn smaller. The matrix of a head and its numbers stand side by side from 680 on. */
export const figureWidth = (heads: number, withHead: boolean): number =>
  Math.max(withHead ? 680 : 520, Math.min(1200, heads * 48 + 80));

/** Every head, whatever is looked for on the screen. */
export function drawGrid(sheet: Sheet, state: State): void {
  const model = gridModel({ ...state, view: { ...state.view, search: '', filter: undefined } });
  const { theme, inner } = sheet;
  const layout = gridLayout(model, inner);
  const top = sheet.y;
  const small = theme.fontSize - 3;
  sheet.canvas(cellsCanvas(state, model, inner, theme), layout.width, layout.height);
  model.rows.forEach((places, row) => {
    const y = top + layout.y(row);
    const name = model.natural ? `L${places[0]?.layer ?? row}` : String(row * model.heads + 1);
    if (layout.side >= 10 || row % 2 === 0)
      sheet.text(
        margin + layout.left - 8,
        y + layout.side / 2 + 4,
        name,
        `font-size="${small}" text-anchor="end" fill="${theme.muted}"`,
      );
    if (model.natural && (model.windows[row] ?? null) !== null)
      sheet.parts.push(
        `<rect x="${margin + layout.left - 5}" y="${y}" width="2" height="${layout.side}" fill="${theme.muted}"/>`,
      );
    places.forEach((place, column) => {
      const x = margin + layout.x(column);
      const first = model.labels.get(headKey(place.layer, place.head))?.[0];
      if (first && layout.side >= 12)
        sheet.text(
          x + 3,
          y + 11,
          labelInfo(first.label).letter,
          `font-size="10" font-weight="700" fill="${theme.foreground}" stroke="${theme.background}" stroke-width="2" paint-order="stroke"`,
        );
      if (gainOf(state.result?.gains ?? [], place.layer, place.head) === 0)
        sheet.parts.push(
          `<line x1="${x}" y1="${y + layout.side}" x2="${x + layout.side}" y2="${y}" stroke="${theme.foreground}" stroke-width="1.5"/>`,
        );
    });
  });
  if (model.natural) {
    const every = Math.max(1, Math.ceil(22 / (layout.side + 2)));
    for (let head = 0; head < model.heads; head += every)
      sheet.text(
        margin + layout.x(head) + layout.side / 2,
        top + (layout.groups.length > 0 ? 20 : 12),
        `H${head}`,
        `font-size="${small}" text-anchor="middle" fill="${theme.muted}"`,
      );
    for (const [from, to] of layout.groups)
      sheet.parts.push(
        `<path d="M${margin + layout.x(from) + 0.5} ${top + 7.5}v-4H${margin + layout.x(to) + layout.side - 0.5}v4" fill="none" stroke="${theme.muted}"/>`,
      );
  }
  sheet.y = top + layout.height + 4;
  drawKey(sheet, model);
}

/** The cells at twice their size. */
function cellsCanvas(state: State, model: GridModel, width: number, theme: Theme): HTMLCanvasElement {
  const ratio = 2;
  const layout = gridLayout(model, width);
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(layout.width * ratio);
  canvas.height = Math.round(layout.height * ratio);
  const pictures =
    state.thumbnails && (model.colouring === 'class' || model.colouring === 'picture') ? state.thumbnails : undefined;
  const used = Math.min(pictures?.size ?? 1, state.result?.ids.length ?? 1);
  const atlas = pictures && headAtlas(pictures, used, layout.side * ratio);
  openCellPainter(canvas, '2d').paint(
    cellsOf(model, layout, ratio, { dark: theme.dark, background: theme.background, muted: theme.muted }),
    atlas,
    parseColour(theme.background),
  );
  return canvas;
}

function drawKey(sheet: Sheet, model: GridModel): void {
  if (model.scale) {
    const { title, unit, low, high } = model.scale;
    const stops = scaleStops(isSigned(model.colouring), sheet.theme.dark);
    sheet.scale(`${title}${unit ? `, ${unit}` : ''}`, stops, significant(low, 2), significant(high, 2));
    return;
  }
  const present = labelInfos.filter(({ id }) =>
    [...model.labels.values()].some((own) => own.some(({ label }) => label === id)),
  );
  sheet.legend(present.map(({ identity, letter, title }) => ({ identity, words: `${letter}  ${title}` })));
}
