/** Draws the map of divergences with its bars on a canvas: on the screen and for export alike. */
import { css, inkOn } from '../../charts/colour-map';
import { hatch } from '../../charts/hatch';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { percent, significant } from '../../ui/numbers';
import type { Theme } from '../../ui/theme';
import { cellX, cellY, colourAt, isOutlier, isSelected, type VhdLayout, type VhdModel } from './vhd-model';

export function drawVhd(context: CanvasRenderingContext2D, model: VhdModel, layout: VhdLayout, theme: Theme): void {
  drawAxes(context, model, layout, theme);
  for (let layer = 0; layer < model.layers; layer += 1) {
    for (let head = 0; head < model.heads; head += 1) drawCell(context, model, layout, { layer, head }, theme);
    if (model.sums.length > 0) drawBar(context, model, layout, layer, theme);
  }
}

function drawAxes(context: CanvasRenderingContext2D, model: VhdModel, layout: VhdLayout, theme: Theme): void {
  context.font = `${theme.fontSize - 3}px ${theme.font}`;
  context.fillStyle = theme.muted;
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  const everyRow = Math.max(1, Math.ceil(12 / (layout.tall + layout.gap)));
  for (let layer = 0; layer < model.layers; layer += 1) {
    const y = cellY(layout, layer);
    if (layer % everyRow === 0) context.fillText(`L${layer}`, layout.left - 8, y + layout.tall / 2);
    if (model.reinforced.has(layer)) context.fillRect(layout.left - 5, y, 2, layout.tall);
  }
  context.textAlign = 'center';
  const every = Math.max(1, Math.ceil(22 / (layout.side + layout.gap)));
  for (let head = 0; head < model.heads; head += every)
    context.fillText(`H${head}`, cellX(layout, head) + layout.side / 2, 8);
  if (model.sums.length === 0) return;
  context.textAlign = 'left';
  context.fillText(barTitle(model, layout.barWidth), layout.bars, 8);
}

function barTitle({ measure, k }: VhdModel, width: number): string {
  if (measure === 'attention') return width <= 90 ? 'Mean' : 'Mean of the layer';
  if (width <= 90) return `Top ${k}`;
  return k === 1 ? 'Largest of the layer' : `Sum of the ${k} largest`;
}

function drawCell(
  context: CanvasRenderingContext2D,
  model: VhdModel,
  layout: VhdLayout,
  place: HeadPlace,
  theme: Theme,
): void {
  const colour = colourAt(model, place, theme.dark);
  const [x, y] = [cellX(layout, place.head), cellY(layout, place.layer)];
  context.fillStyle = css(colour);
  context.fillRect(x, y, layout.side, layout.tall);
  if (isOutlier(model, place)) hatch(context, x, y, layout.side, layout.tall, inkOn(colour), layout.tall < 10 ? 3 : 5);
  if (isSelected(model, place)) {
    const thick = layout.tall < 8 ? 1 : 1.5;
    context.strokeStyle = theme.foreground;
    context.lineWidth = thick;
    context.strokeRect(x + thick / 2, y + thick / 2, layout.side - thick, layout.tall - thick);
  }
}

function drawBar(
  context: CanvasRenderingContext2D,
  model: VhdModel,
  layout: VhdLayout,
  layer: number,
  theme: Theme,
): void {
  const sum = model.sums[layer] ?? 0;
  const room = layout.barWidth - 40;
  const long = model.mostSum > 0 ? Math.max(1, (room * sum) / model.mostSum) : 1;
  const y = cellY(layout, layer);
  const tall = Math.max(2, Math.min(layout.tall, 12));
  context.fillStyle = theme.muted;
  context.fillRect(layout.bars, y + (layout.tall - tall) / 2, long, tall);
  if (layout.tall + layout.gap < 11) return;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  context.fillStyle = theme.foreground;
  const written = model.measure === 'attention' ? percent(sum, 2) : significant(sum, 2);
  context.fillText(written, layout.bars + long + 4, y + layout.tall / 2);
}

export function drawFrame(
  context: CanvasRenderingContext2D,
  layout: VhdLayout,
  place: HeadPlace,
  theme: Theme,
  thick: number,
): void {
  const [x, y] = [cellX(layout, place.head), cellY(layout, place.layer)];
  for (const [colour, width] of [
    [theme.background, thick + 2],
    [thick > 1 ? theme.focus : theme.muted, thick],
  ] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.strokeRect(x - 1, y - 1, layout.side + 2, layout.tall + 2);
  }
}
