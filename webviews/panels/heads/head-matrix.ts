/**
 * One head as a matrix, query by key: tiles on a canvas, zoomed and moved like a map. Axes carry token texts where there is
 * room, positions otherwise. Above it the mean mass of each key, to the right the entropy of each query.
 */
import { html, nothing, type PropertyValues } from 'lit';
import { parseColour, scaleStops } from '../../charts/colour-map';
import { scaleBar } from '../../charts/scale-bar';
import { levelFor, tileSide, tilesIn, topLevel, type LoadedTile, type TileAddress } from '../../charts/tiles';
import { button, toolbar } from '../../ui/controls';
import { icon } from '../../ui/icons';
import { count, significant } from '../../ui/numbers';
import { freshContext, PictureElement } from '../../ui/picture-element';
import { shownToken } from '../../ui/token-text';
import { colourTile, largestOf } from './matrix-colours';
import {
  axis,
  drawAxes,
  drawCross,
  drawMarginals,
  drawMask,
  type CellPlace,
  type MatrixPlace,
  type MatrixSurroundings,
} from './matrix-surroundings';
import { lookUp, type TileSource } from './tile-source';

export class HeadMatrix extends PictureElement {
  static override properties = {
    source: { attribute: false },
    version: { type: Number },
    tokens: { attribute: false },
    query: { type: Number },
    hideSink: { type: Boolean },
    logarithmic: { type: Boolean },
    marginal: { attribute: false },
    hovered: { state: true },
  };
  declare source: TileSource | undefined;
  /** Counts up with each tile that comes. */
  declare version: number;
  declare tokens: readonly string[];
  declare query: number | undefined;
  declare hideSink: boolean;
  declare logarithmic: boolean;
  /** Mean mass of each block of keys, where the whole matrix is not at hand. */
  declare marginal: readonly number[] | undefined;
  declare hovered: CellPlace | undefined;

  private at: MatrixPlace = { column: 0, row: 0, cell: 0 };
  private fitted = true;
  private pictures = new WeakMap<LoadedTile, { readonly look: string; readonly canvas: HTMLCanvasElement }>();
  private high = 1;
  /** What `high` was taken from. */
  private measured: { readonly tile: LoadedTile; readonly hideSink: boolean } | undefined;
  private drag: { readonly x: number; readonly y: number; moved: boolean } | undefined;
  private sourceKey: string | undefined;

  constructor() {
    super();
    this.source = undefined;
    this.version = 0;
    this.tokens = [];
    this.query = undefined;
    this.hideSink = false;
    this.logarithmic = true;
    this.marginal = undefined;
    this.hovered = undefined;
  }

  protected override onTheme(): void {
    this.pictures = new WeakMap();
  }

  protected override updated(_changed: PropertyValues): void {
    if (this.source) this.source.onTile = () => this.schedule();
    if (this.source?.key !== this.sourceKey) {
      this.sourceKey = this.source?.key;
      // Another head of the same prompt keeps the place that is looked at.
      if (this.fitted || this.at.column >= (this.source?.length ?? 0)) this.fitted = true;
    }
    this.schedule();
  }

  private get canvas(): HTMLCanvasElement | null {
    return this.querySelector('canvas');
  }

  private plot(): { readonly width: number; readonly height: number } {
    const canvas = this.canvas;
    return {
      width: Math.max(40, (canvas?.clientWidth ?? 0) - axis.left - axis.right),
      height: Math.max(40, (canvas?.clientHeight ?? 0) - axis.top - 2),
    };
  }

  /** The whole head on screen. */
  fit(): void {
    this.fitted = true;
    this.schedule();
  }

  zoom(factor: number, x?: number, y?: number): void {
    const { width, height } = this.plot();
    const length = this.source?.length ?? 1;
    const [px, py] = [x ?? width / 2, y ?? height / 2];
    const cell = Math.min(48, Math.max(Math.min(width, height) / length, this.at.cell * factor));
    this.at = {
      cell,
      column: this.at.column + px / this.at.cell - px / cell,
      row: this.at.row + py / this.at.cell - py / cell,
    };
    this.fitted = false;
    this.clamp();
    this.schedule();
  }

  pan(dx: number, dy: number): void {
    this.at = { ...this.at, column: this.at.column + dx / this.at.cell, row: this.at.row + dy / this.at.cell };
    this.fitted = false;
    this.clamp();
    this.schedule();
  }

  private clamp(): void {
    const { width, height } = this.plot();
    const length = this.source?.length ?? 1;
    const inside = (value: number, span: number): number => Math.max(0, Math.min(value, length - span / this.at.cell));
    this.at = { ...this.at, column: inside(this.at.column, width), row: inside(this.at.row, height) };
  }

  protected override drawNow(): void {
    const { canvas, source } = this;
    const ratio = window.devicePixelRatio || 1;
    const context = freshContext(canvas);
    if (!context) return;
    if (!source || source.length === 0) return;
    const { width, height } = this.plot();
    if (this.fitted) this.at = { column: 0, row: 0, cell: Math.min(width, height) / source.length };
    this.clamp();
    const { column, row, cell } = this.at;
    const columns = Math.min(source.length, column + width / cell);
    const rows = Math.min(source.length, row + height / cell);
    const level = levelFor(cell * ratio, source.length);
    const top = topLevel(source.length);
    const wanted = tilesIn(level, [row, rows, column, columns], source.length, source.causal);
    // The coarsest tile first: it is the whole picture at once, and its largest value ends the scale.
    source.store.want([{ level: top, row: 0, column: 0 }, ...wanted]);
    this.measureHigh(top);
    context.save();
    context.beginPath();
    context.rect(
      axis.left,
      axis.top,
      Math.min(width, (source.length - column) * cell),
      Math.min(height, (source.length - row) * cell),
    );
    // What has not come yet is no probability: not a colour of the scale.
    context.fillStyle = this.theme.hoverBackground;
    context.fill();
    context.clip();
    context.imageSmoothingEnabled = false;
    for (const address of wanted) this.drawTile(context, address, top);
    const around: MatrixSurroundings = {
      context,
      theme: this.theme,
      plot: { width, height },
      at: this.at,
      query: this.query,
      hovered: this.hovered,
    };
    if (source.causal) drawMask(around);
    context.restore();
    drawAxes(around, this.tokens, rows, columns);
    drawMarginals(around, source, this.marginal, this.hideSink);
    drawCross(around);
  }

  private measureHigh(top: number): void {
    const tile = this.source?.store.get({ level: top, row: 0, column: 0 });
    if (!tile || (this.measured?.tile === tile && this.measured.hideSink === this.hideSink)) return;
    this.measured = { tile, hideSink: this.hideSink };
    const next = largestOf(tile, this.hideSink);
    if (next === this.high) return;
    this.high = next;
    // The scale under the matrix is part of the template.
    this.requestUpdate();
  }

  private drawTile(context: CanvasRenderingContext2D, address: TileAddress, top: number): void {
    const { source, at } = this;
    if (!source) return;
    const span = tileSide * 2 ** address.level;
    const x = axis.left + (address.column * span - at.column) * at.cell;
    const y = axis.top + (address.row * span - at.row) * at.cell;
    for (let level = address.level; level <= top; level += 1) {
      const up = 2 ** (level - address.level);
      const found = source.store.get({
        level,
        row: Math.floor(address.row / up),
        column: Math.floor(address.column / up),
      });
      if (!found) continue;
      const picture = this.pictureOf(found);
      const [rowCount, columnCount] = [
        Math.min(span, source.length - address.row * span),
        Math.min(span, source.length - address.column * span),
      ];
      const texel = 2 ** level;
      const sx = (address.column * span) / texel - found.address.column * tileSide;
      const sy = (address.row * span) / texel - found.address.row * tileSide;
      context.drawImage(
        picture,
        sx,
        sy,
        Math.min(columnCount / texel, picture.width - sx),
        Math.min(rowCount / texel, picture.height - sy),
        x,
        y,
        columnCount * at.cell,
        rowCount * at.cell,
      );
      return;
    }
  }

  private pictureOf(tile: LoadedTile): HTMLCanvasElement {
    const look = `${this.logarithmic}/${this.hideSink}/${this.high}`;
    const kept = this.pictures.get(tile);
    if (kept?.look === look) return kept.canvas;
    const canvas = kept?.canvas ?? document.createElement('canvas');
    canvas.width = tile.outColumns;
    canvas.height = tile.outRows;
    const context = canvas.getContext('2d');
    if (context) {
      const image = context.createImageData(tile.outColumns, tile.outRows);
      const { logarithmic, hideSink, high, theme } = this;
      colourTile(tile, { logarithmic, hideSink, high, ground: parseColour(theme.background) }, image.data);
      context.putImageData(image, 0, 0);
    }
    this.pictures.set(tile, { look, canvas });
    return canvas;
  }

  private cellAt(event: MouseEvent): CellPlace | undefined {
    const box = this.canvas?.getBoundingClientRect();
    const { source, at } = this;
    if (!box || !source || at.cell === 0) return undefined;
    const query = Math.floor((event.clientY - box.top - axis.top) / at.cell + at.row);
    const key = Math.floor((event.clientX - box.left - axis.left) / at.cell + at.column);
    const inside = event.clientX - box.left >= axis.left && event.clientY - box.top >= axis.top;
    return inside && query < source.length && key < source.length ? { query, key } : undefined;
  }

  private hover(place: CellPlace | undefined): void {
    if (place?.query === this.hovered?.query && place?.key === this.hovered?.key) return;
    this.hovered = place;
    this.dispatchEvent(new CustomEvent('hover-cell', { detail: place }));
  }

  private onMove(event: PointerEvent): void {
    if (this.drag) {
      const [dx, dy] = [this.drag.x - event.clientX, this.drag.y - event.clientY];
      if (!this.drag.moved && Math.hypot(dx, dy) < 4) return;
      this.pan(dx, dy);
      this.drag = { x: event.clientX, y: event.clientY, moved: true };
      return;
    }
    this.hover(this.cellAt(event));
  }

  private onUp(event: PointerEvent): void {
    const moved = this.drag?.moved === true;
    this.drag = undefined;
    const place = moved ? undefined : this.cellAt(event);
    if (place) this.chooseQuery(place.query);
  }

  private chooseQuery(query: number): void {
    this.dispatchEvent(new CustomEvent('select-query', { detail: query }));
  }

  private onWheel(event: WheelEvent): void {
    const focused = this.querySelector('.matrix-frame') === document.activeElement;
    if (!event.ctrlKey && !event.metaKey && !focused) return;
    event.preventDefault();
    const box = this.canvas?.getBoundingClientRect();
    if (box)
      this.zoom(
        Math.exp(-event.deltaY / 300),
        event.clientX - box.left - axis.left,
        event.clientY - box.top - axis.top,
      );
  }

  private onKey(event: KeyboardEvent): void {
    const length = this.source?.length ?? 0;
    const step = event.shiftKey ? 60 : 0;
    const query = this.query ?? 0;
    const keys: Partial<Record<string, () => void>> = {
      '+': () => this.zoom(1.5),
      '=': () => this.zoom(1.5),
      '-': () => this.zoom(1 / 1.5),
      '0': () => this.fit(),
      ArrowUp: () => (step ? this.pan(0, -step) : this.chooseQuery(Math.max(0, query - 1))),
      ArrowDown: () => (step ? this.pan(0, step) : this.chooseQuery(Math.min(length - 1, query + 1))),
      ArrowLeft: () => this.pan(-60, 0),
      ArrowRight: () => this.pan(60, 0),
    };
    const act = keys[event.key];
    if (!act) return;
    act();
    event.preventDefault();
    event.stopPropagation();
  }

  private readout(): string {
    const { source, hovered, tokens } = this;
    if (!source) return '';
    if (!hovered) {
      const top = { level: topLevel(source.length), row: 0, column: 0 };
      if (!source.store.get(top) && source.problem === undefined) return 'The head is being read…';
      return source.causal ? 'Keys after the query are not read and left blank.' : '';
    }
    const { query, key } = hovered;
    if (source.causal && key > query) return `query ${query} does not read the later key ${key}`;
    const top = topLevel(source.length);
    const found = lookUp(source, query, key, 0, top);
    const pair = `query ${count(query)} “${shownToken(tokens[query] ?? '')}” → key ${count(key)} “${shownToken(tokens[key] ?? '')}”`;
    if (!found) return `${pair} · not computed yet`;
    return found.block === 1
      ? `${pair}: ${significant(found.value)}`
      : `${pair}: at most ${significant(found.value)} (largest of ${found.block} x ${found.block} cells; zoom in for the exact value)`;
  }

  override render() {
    const { source, high } = this;
    const low = this.logarithmic ? high / 1000 : 0;
    return html`<div
        class="matrix-frame"
        tabindex="0"
        role="application"
        aria-roledescription="attention matrix"
        aria-label=${`Probability of each key for each query, ${source?.length ?? 0} tokens`}
        title="Drag to move · Ctrl+wheel or + − to zoom, 0 to fit · Up and Down: another query"
        @keydown=${(event: KeyboardEvent) => this.onKey(event)}
        @pointerdown=${(event: PointerEvent) => {
          this.drag = { x: event.clientX, y: event.clientY, moved: false };
          (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
        }}
        @pointermove=${(event: PointerEvent) => this.onMove(event)}
        @pointerup=${(event: PointerEvent) => this.onUp(event)}
        @pointerleave=${() => this.hover(undefined)}
        @wheel=${(event: WheelEvent) => this.onWheel(event)}
      >
        <canvas></canvas>
        ${source?.problem ? html`<div class="matrix-problem" role="alert">${icon('error')} <span>${source.problem}</span></div>` : nothing}
      </div>
      <div class="matrix-foot">
        ${scaleBar({ title: 'probability', low, high, stops: scaleStops(false, this.theme.dark), logarithmic: this.logarithmic })}
        ${toolbar(
          'Zoom',
          html`${button({ label: 'Zoom in', icon: 'zoom-in', appearance: 'icon', hint: 'Zoom in (+)', onClick: () => this.zoom(1.5) })}
          ${button({ label: 'Zoom out', icon: 'zoom-out', appearance: 'icon', hint: 'Zoom out (−)', onClick: () => this.zoom(1 / 1.5) })}
          ${button({ label: 'Whole head', icon: 'screen-full', appearance: 'icon', hint: 'Whole head (0)', onClick: () => this.fit() })}`,
        )}
      </div>
      <div class="readout">${this.readout()}</div>`;
  }
}

customElements.define('hs-head-matrix', HeadMatrix);
