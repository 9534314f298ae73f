/**
 * `<hs-grid-pattern>`: which cells of a grid of positions a chosen one reads. Rows down, columns across; of three axes the
 * slice in which the chosen cell lies. A click or the arrow keys choose, Page Up and Page Down change the slice.
 */
import { html } from 'lit';
import type { MechanismView } from '../../../protocol/compute/mechanism-view';
import { css, mix, parseColour } from '../../charts/colour-map';
import { count } from '../../ui/numbers';
import { freshContext, PictureElement } from '../../ui/picture-element';
import { properties } from '../../ui/properties';

type Grid = NonNullable<MechanismView['grid']>;

const margin = { left: 44, top: 8, right: 8, bottom: 34 };
/** Steps along the axes of depth, rows and columns. */
const moves: Readonly<Record<string, readonly [number, number, number]>> = {
  ArrowUp: [0, -1, 0],
  ArrowDown: [0, 1, 0],
  ArrowLeft: [0, 0, -1],
  ArrowRight: [0, 0, 1],
  PageUp: [-1, 0, 0],
  PageDown: [1, 0, 0],
};

export class GridPicture extends PictureElement {
  static override properties = properties(['grid'], ['chosen']);

  declare grid: Grid | undefined;
  declare private chosen: readonly number[] | undefined;

  protected override updated(): void {
    const [rows = 1, columns = 1] = this.grid?.axes.slice(-2).map(({ size }) => size) ?? [];
    const frame = this.querySelector<HTMLElement>('.pattern-frame');
    // A flat grid leaves no empty square below it; a very flat one still has room for its axes.
    if (frame) frame.style.aspectRatio = String(Math.min(2.5, Math.max(1, columns / rows)));
    this.schedule();
  }

  /** Coordinates of the query, in the middle of the grid until one is chosen. */
  private place({ axes }: Grid): readonly number[] {
    return axes.map(({ size }, axis) => Math.min(size - 1, this.chosen?.[axis] ?? Math.floor(size / 2)));
  }

  private geometry(canvas: HTMLCanvasElement, { axes }: Grid) {
    const [rows = 1, columns = 1] = axes.slice(-2).map(({ size }) => size);
    const across = canvas.clientWidth - margin.left - margin.right;
    const down = canvas.clientHeight - margin.top - margin.bottom;
    return { rows, columns, side: Math.min(across / columns, down / rows) };
  }

  protected override drawNow(): void {
    const { canvas, grid, theme } = this;
    const context = freshContext(canvas);
    if (!canvas || !context || !grid) return;
    const { rows, columns, side } = this.geometry(canvas, grid);
    const [width, height] = [side * columns, side * rows];
    const ground = theme.dark ? '#2a2a2a' : '#f1f1f1';
    const place = this.place(grid);
    context.fillStyle = ground;
    context.fillRect(margin.left, margin.top, width, height);
    context.fillStyle = theme.dark ? '#5fb0ff' : '#0b5fb3';
    for (const row of this.readAlong(grid, place, -2)) {
      for (const column of this.readAlong(grid, place, -1)) {
        // A hair more than the cell, so that no seam of the ground is left between neighbours.
        context.fillRect(margin.left + column * side, margin.top + row * side, side + 0.5, side + 0.5);
      }
    }
    context.strokeStyle = css(mix(parseColour(theme.foreground), parseColour(ground), 0.5), 0.6);
    context.lineWidth = 1;
    context.beginPath();
    const [tileRows = rows, tileColumns = columns] = grid.tile?.slice(-2) ?? [];
    for (let row = tileRows; row < rows && tileRows * side > 5; row += tileRows) {
      const y = Math.round(margin.top + row * side) + 0.5;
      context.moveTo(margin.left, y);
      context.lineTo(margin.left + width, y);
    }
    for (let column = tileColumns; column < columns && tileColumns * side > 5; column += tileColumns) {
      const x = Math.round(margin.left + column * side) + 0.5;
      context.moveTo(x, margin.top);
      context.lineTo(x, margin.top + height);
    }
    context.stroke();
    context.strokeStyle = theme.muted;
    context.strokeRect(margin.left - 0.5, margin.top - 0.5, width + 1, height + 1);
    context.strokeStyle = theme.foreground;
    context.lineWidth = 2;
    const [row = 0, column = 0] = place.slice(-2);
    context.strokeRect(margin.left + column * side, margin.top + row * side, Math.max(side, 4), Math.max(side, 4));
    this.drawAxes(context, rows, columns, side);
  }

  /** Coordinates along an axis (counted from the end) that the query reads. */
  private readAlong({ axes }: Grid, place: readonly number[], fromEnd: number): readonly number[] {
    const axis = axes.at(fromEnd);
    const query = place.at(fromEnd) ?? 0;
    if (!axis) return [0];
    return Array.from({ length: axis.size }, (_, key) => key).filter(
      (key) => axis.reads[query * axis.size + key] === 1,
    );
  }

  private drawAxes(context: CanvasRenderingContext2D, rows: number, columns: number, side: number): void {
    const { theme } = this;
    context.font = `${theme.fontSize - 2}px ${theme.font}`;
    context.fillStyle = theme.muted;
    let every = 1;
    while (every * side < 34 && every < Math.max(rows, columns) / 2) every *= 2;
    context.textAlign = 'center';
    context.textBaseline = 'top';
    for (let column = 0; column < columns; column += every) {
      context.fillText(count(column), margin.left + (column + 0.5) * side, margin.top + rows * side + 4);
    }
    context.fillText('column', margin.left + (columns * side) / 2, margin.top + rows * side + 18);
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    for (let row = 0; row < rows; row += every) {
      context.fillText(count(row), margin.left - 5, margin.top + (row + 0.5) * side);
    }
    context.save();
    context.translate(4, margin.top + (rows * side) / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = 'center';
    context.textBaseline = 'top';
    context.fillText('row', 0, 0);
    context.restore();
  }

  private onClick(event: PointerEvent): void {
    const { canvas, grid } = this;
    if (!canvas || !grid) return;
    const { rows, columns, side } = this.geometry(canvas, grid);
    const box = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - margin.left) / side);
    const row = Math.floor((event.clientY - box.top - margin.top) / side);
    if (column < 0 || row < 0 || column >= columns || row >= rows) return;
    this.chosen = [...this.place(grid).slice(0, -2), row, column];
  }

  private onKey(event: KeyboardEvent): void {
    const { grid } = this;
    const move = moves[event.key]?.slice(-(grid?.axes.length ?? 0));
    if (!grid || !move) return;
    event.preventDefault();
    this.chosen = this.place(grid).map((at, axis) =>
      Math.min((grid.axes[axis]?.size ?? 1) - 1, Math.max(0, at + (move[axis] ?? 0))),
    );
  }

  private words(): string {
    const { grid } = this;
    if (!grid) return '';
    const place = this.place(grid);
    const names = ['depth', 'row', 'column'].slice(-place.length);
    const read = place.map((_, axis) => this.readAlong(grid, place, axis - place.length));
    const cells = read.reduce((product, along) => product * along.length, 1);
    const all = grid.axes.reduce((product, { size }) => product * size, 1);
    const spans = read.map((along, axis) => `${names[axis] ?? ''}s ${inRuns(along)}`);
    return `${place.map((at, axis) => `${names[axis] ?? ''} ${count(at)}`).join(', ')} reads ${count(cells)} of ${count(all)} positions: ${spans.join(', ')}`;
  }

  override render() {
    return html`<div
        class="pattern-frame"
        role="application"
        aria-roledescription="grid of positions"
        aria-label=${this.words()}
        tabindex="0"
        @pointerdown=${(event: PointerEvent) => this.onClick(event)}
        @keydown=${(event: KeyboardEvent) => this.onKey(event)}
      >
        <canvas></canvas>
      </div>
      <div class="pattern-readout muted">${this.words()}</div>`;
  }
}

/** 3, 4, 5 -> `3–5`; 3, 5, 7, 9 -> `3–9 by 2`. */
function inRuns(numbers: readonly number[]): string {
  const [first = 0, second = first + 1] = numbers;
  const last = numbers.at(-1) ?? first;
  if (last === first) return count(first);
  return `${count(first)}–${count(last)}${second - first === 1 ? '' : ` by ${count(second - first)}`}`;
}

customElements.define('hs-grid-pattern', GridPicture);
