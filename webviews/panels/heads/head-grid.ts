/**
 * The grid of heads: pictures and colours on one canvas, letters, brackets and the frame of the selected head on a second
 * one above it. Arrow keys walk the cells; the cell in focus is said.
 */
import { html, type PropertyValues } from 'lit';
import { inkOn, parseColour } from '../../charts/colour-map';
import { openCellPainter, type CellPainter } from '../../charts/cell-painter';
import { headAtlas, type HeadAtlas } from '../../charts/head-atlas';
import type { HeadThumbnails } from '../../../protocol/results/heads';
import { dotted } from '../../ui/dotted';
import { PictureElement } from '../../ui/picture-element';
import type { Theme } from '../../ui/theme';
import { gainOf } from './form';
import {
  announcementOf,
  cellsOf,
  colourOfValue,
  gridLayout,
  hueOf,
  placeAt,
  readoutOf,
  whereIs,
  type GridLayout,
  type GridModel,
} from './grid-model';
import { labelInfo } from './labels';
import { headKey } from '../../ui/head-names';
import { type HeadPlace } from '../../../protocol/schema/written-form';
import { properties } from '../../ui/properties';

export class HeadGrid extends PictureElement {
  static override properties = properties(['model', 'thumbnails', 'used', 'selected'], ['hovered']);
  declare model: GridModel | undefined;
  declare thumbnails: HeadThumbnails | undefined;
  /** Blocks per side of a picture that hold something. */
  declare used: number;
  declare selected: HeadPlace | undefined;
  declare hovered: HeadPlace | undefined;

  /** Milliseconds of the last drawing, for the bench. */
  drawnIn = 0;
  private painter: CellPainter | undefined;
  private atlas:
    | { readonly of: HeadThumbnails; readonly most: number; readonly used: number; readonly atlas: HeadAtlas }
    | undefined;
  private layout: GridLayout | undefined;

  constructor() {
    super();
    this.used = 32;
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.size === 1 && changed.has('hovered')) this.drawMarks();
    else this.drawNow();
  }

  get painterKind(): string {
    return this.painter?.kind ?? 'none';
  }

  private layer(name: 'cells' | 'marks'): HTMLCanvasElement | null {
    return this.querySelector<HTMLCanvasElement>(`canvas.${name}`);
  }

  protected override drawNow(): void {
    const { model } = this;
    const cells = this.layer('cells');
    const width = this.clientWidth;
    if (!model || !cells || width < 40) return;
    const began = performance.now();
    const ratio = window.devicePixelRatio || 1;
    const layout = gridLayout(model, width);
    this.layout = layout;
    for (const canvas of [cells, this.layer('marks')]) {
      if (!canvas) continue;
      const [across, down] = [Math.round(layout.width * ratio), Math.round(layout.height * ratio)];
      if (canvas.width !== across) canvas.width = across;
      if (canvas.height !== down) canvas.height = down;
      canvas.style.setProperty('width', `${layout.width}px`);
      canvas.style.setProperty('height', `${layout.height}px`);
    }
    this.painter ??= openCellPainter(cells);
    const { theme } = this;
    this.painter.paint(
      cellsOf(model, layout, ratio, { dark: theme.dark, background: theme.background, muted: theme.muted }),
      this.pictures(layout, ratio),
      parseColour(theme.background),
    );
    this.drawMarks();
    this.drawnIn = performance.now() - began;
  }

  private pictures(layout: GridLayout, ratio: number): HeadAtlas | undefined {
    const { thumbnails, used, model } = this;
    if (!thumbnails || (model?.colouring !== 'class' && model?.colouring !== 'picture')) return undefined;
    const most = Math.max(1, Math.round(layout.side * ratio));
    const kept = this.atlas;
    if (kept?.of !== thumbnails || kept.most !== most || kept.used !== used) {
      this.atlas = { of: thumbnails, most, used, atlas: headAtlas(thumbnails, used, most) };
    }
    return this.atlas?.atlas;
  }

  private drawMarks(): void {
    const { model, layout, theme } = this;
    const canvas = this.layer('marks');
    const context = canvas?.getContext('2d');
    if (!model || !layout || !canvas || !context) return;
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, layout.width, layout.height);
    drawAxes(context, model, layout, theme);
    drawLetters(context, model, layout, theme);
    for (const [place, colour, thick] of [
      [this.hovered, theme.muted, 1],
      [this.selected, theme.foreground, 2],
    ] as const) {
      const at = place && whereIs(model, place);
      if (!at) continue;
      context.strokeStyle = colour;
      context.lineWidth = thick;
      context.strokeRect(
        layout.x(at.column) - thick / 2,
        layout.y(at.row) - thick / 2,
        layout.side + thick,
        layout.side + thick,
      );
    }
  }

  private onPointer(event: PointerEvent): void {
    const { model, layout } = this;
    const box = this.layer('marks')?.getBoundingClientRect();
    if (!model || !layout || !box) return;
    const place = placeAt(model, layout, event.clientX - box.left, event.clientY - box.top);
    if (place?.layer !== this.hovered?.layer || place?.head !== this.hovered?.head) this.hovered = place;
  }

  private choose(place: HeadPlace | undefined, off = false): void {
    if (place) this.dispatchEvent(new CustomEvent(off ? 'toggle-head' : 'select-head', { detail: place }));
  }

  private onKey(event: KeyboardEvent): void {
    const { model } = this;
    if (!model || model.rows.length === 0) return;
    const at = (this.selected && whereIs(model, this.selected)) ?? { row: 0, column: 0 };
    const step: Partial<Record<string, readonly [number, number]>> = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      Home: [0, -at.column],
      End: [0, Infinity],
      PageUp: [-Infinity, 0],
      PageDown: [Infinity, 0],
    };
    const by = step[event.key];
    if (by) {
      const row = Math.min(Math.max(at.row + by[0], 0), model.rows.length - 1);
      const places = model.rows[row] ?? [];
      this.choose(places[Math.min(Math.max(at.column + by[1], 0), places.length - 1)]);
    } else if ((event.key === '0' || event.key === 'x' || event.key === 'Delete') && this.selected) {
      this.choose(this.selected, true);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  override render() {
    const { model, selected, hovered } = this;
    const place = hovered ?? selected;
    const words = model && selected ? announcementOf(model, selected) : 'no head selected';
    return html`<div
        class="grid-frame"
        role="application"
        aria-roledescription="grid of heads"
        aria-label=${`Heads by layer: ${words}`}
        title="Arrow keys: another head · X: ablate (gain 0) or back to 1"
        tabindex="0"
        @keydown=${(event: KeyboardEvent) => this.onKey(event)}
        @pointermove=${(event: PointerEvent) => this.onPointer(event)}
        @pointerleave=${() => (this.hovered = undefined)}
        @click=${(event: MouseEvent) => {
          this.onPointer(event as PointerEvent);
          this.choose(this.hovered, event.altKey);
        }}
      >
        <canvas class="cells"></canvas><canvas class="marks"></canvas>
      </div>
      <div class="readout grid-readout">${model && place ? dotted(readoutOf(model, place)) : ''}</div>`;
  }
}

function drawAxes(context: CanvasRenderingContext2D, model: GridModel, layout: GridLayout, theme: Theme): void {
  context.font = `${theme.fontSize - 3}px ${theme.font}`;
  context.fillStyle = theme.muted;
  context.strokeStyle = theme.muted;
  context.lineWidth = 1;
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  const everyRow = Math.max(1, Math.ceil(12 / (layout.side + 2)));
  model.rows.forEach((places, row) => {
    if (row % everyRow !== 0) return;
    const middle = layout.y(row) + layout.side / 2;
    if (!model.natural)
      return void context.fillText(String(row * Math.max(1, model.heads) + 1), layout.left - 5, middle);
    const layer = places[0]?.layer ?? row;
    context.fillText(`L${layer}`, layout.left - 8, middle);
    if ((model.windows[layer] ?? null) !== null) {
      // A window: the layer sees the latest tokens only.
      context.fillRect(layout.left - 5, layout.y(row), 2, layout.side);
    }
  });
  if (!model.natural) return;
  context.textAlign = 'center';
  const headLine = layout.groups.length > 0 ? 16 : 8;
  const every = Math.max(1, Math.ceil(22 / (layout.side + 2)));
  for (let head = 0; head < model.heads; head += every) {
    context.fillText(
      every === 1 && layout.side > 24 ? `H${head}` : String(head),
      layout.x(head) + layout.side / 2,
      headLine,
    );
  }
  for (const [first, last] of layout.groups) {
    const [from, to] = [layout.x(first) + 0.5, layout.x(last) + layout.side - 0.5];
    context.beginPath();
    context.moveTo(from, 7.5);
    context.lineTo(from, 3.5);
    context.lineTo(to, 3.5);
    context.lineTo(to, 7.5);
    context.stroke();
  }
}

function drawLetters(context: CanvasRenderingContext2D, model: GridModel, layout: GridLayout, theme: Theme): void {
  const size = Math.max(8, Math.min(12, Math.round(layout.side * 0.34)));
  context.font = `600 ${size}px ${theme.font}`;
  context.textAlign = 'left';
  context.textBaseline = 'top';
  model.rows.forEach((places, row) =>
    places.forEach((place, column) => {
      const { layer, head } = place;
      if (!model.shown.has(headKey(layer, head))) return;
      const [x, y] = [layout.x(column), layout.y(row)];
      const first = model.labels.get(headKey(layer, head))?.[0];
      if (layout.side >= 12 && first) {
        const colour =
          model.colouring === 'class' || model.colouring === 'picture'
            ? parseColour(hueOf(first.label, theme.dark))
            : (colourOfValue(model, place, theme.dark) ?? parseColour(theme.background));
        if (model.colouring === 'class' || model.colouring === 'picture') {
          context.fillStyle = hueOf(first.label, theme.dark);
          context.fillRect(x, y, size + 3, size + 3);
        }
        context.fillStyle = inkOn(colour);
        context.fillText(labelInfo(first.label).letter, x + 2, y + 2);
      }
      const gain = gainOf(model.gains, layer, head);
      if (gain !== 1) drawGain(context, layout, theme, x, y, gain);
    }),
  );
}

/** A head whose gain is not 1: crossed out when it is off, a corner otherwise. */
function drawGain(
  context: CanvasRenderingContext2D,
  { side }: GridLayout,
  theme: Theme,
  x: number,
  y: number,
  gain: number,
): void {
  context.strokeStyle = theme.background;
  context.fillStyle = theme.foreground;
  if (gain === 0) {
    for (const [colour, width] of [
      [theme.background, 4],
      [theme.foreground, 1.5],
    ] as const) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(x + 1, y + side - 1);
      context.lineTo(x + side - 1, y + 1);
      context.stroke();
    }
    return;
  }
  const corner = Math.max(5, side * 0.3);
  context.beginPath();
  context.moveTo(x + side, y + side);
  context.lineTo(x + side - corner, y + side);
  context.lineTo(x + side, y + side - corner);
  context.fill();
}

customElements.define('hs-head-grid', HeadGrid);
