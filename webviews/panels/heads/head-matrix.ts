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
import { freshContext, PictureElement } from '../../ui/picture-element';
import { colourTile, largestOf } from './matrix-colours';
import { axis, drawAxes, drawCross, drawMarginals, drawMask, type MatrixSurroundings } from './matrix-surroundings';
import { cellWords } from './cell-words';
import { explainCell, readCell } from './explain-weight';
import { clamped, panned, showing, zoomed, type CellPlace, type MatrixPlace } from './matrix-place';
import type { TileSource } from './tile-source';
import { properties } from '../../ui/properties';

export class HeadMatrix extends PictureElement {
  static override properties = properties(
    ['source', 'version', 'tokens', 'query', 'hideSink', 'logarithmic', 'marginal', 'linked'],
    ['hovered', 'cursorKey', 'chosen', 'canExplain'],
  );
  declare source: TileSource | undefined;
  /** Counts up with each tile that comes. */
  declare version: number;
  declare tokens: readonly string[];
  declare query: number | undefined;
  declare hideSink: boolean;
  declare logarithmic: boolean;
  /** Mean mass of each block of keys, where the whole matrix is not at hand. */
  declare marginal: readonly number[] | undefined;
  /** The cell that something beside the matrix points at. */
  declare linked: CellPlace | undefined;
  declare hovered: CellPlace | undefined;
  /** Key of the cell cursor, which stands in the row of the selected query; undefined while the matrix has no focus. */
  declare cursorKey: number | undefined;

  /** The cell that was clicked or walked to last: it stays when the matrix loses the focus. */
  declare chosen: CellPlace | undefined;
  /** Whether something can be run that explains a weight. */
  declare canExplain: boolean;

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
    this.version = 0;
    this.tokens = [];
    this.hideSink = false;
    this.logarithmic = true;
    this.canExplain = false;
  }

  protected override onTheme(): void {
    this.pictures = new WeakMap();
  }

  protected override updated(_changed: PropertyValues): void {
    if (this.source) this.source.onTile = () => this.onTile();
    if (this.source?.key !== this.sourceKey) {
      this.sourceKey = this.source?.key;
      // Another head of the same prompt keeps the place that is looked at.
      if (this.fitted || this.at.column >= (this.source?.length ?? 0)) this.fitted = true;
    }
    this.schedule();
  }

  private onTile(): void {
    this.schedule();
    // The value at the cursor may have come.
    if (this.cursor) this.requestUpdate();
  }

  /** By the keyboard. */
  private get cursor(): CellPlace | undefined {
    return this.cursorKey === undefined || this.query === undefined
      ? undefined
      : { query: this.query, key: this.cursorKey };
  }

  /** The cell that is marked and read out: under the pointer, pointed at from beside, or at the cursor. */
  private get marked(): CellPlace | undefined {
    return this.hovered ?? this.linked ?? this.cursor;
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
    const plot = this.plot();
    const point = { x: x ?? plot.width / 2, y: y ?? plot.height / 2 };
    this.moveTo(zoomed(this.at, factor, point, plot, this.source?.length ?? 1));
  }

  pan(dx: number, dy: number): void {
    this.moveTo(panned(this.at, dx, dy));
  }

  private moveTo(place: MatrixPlace): void {
    this.at = clamped(place, this.plot(), this.source?.length ?? 1);
    this.fitted = false;
    this.schedule();
  }

  protected override drawNow(): void {
    const { canvas, source } = this;
    const ratio = window.devicePixelRatio || 1;
    const context = freshContext(canvas);
    if (!context) return;
    if (!source || source.length === 0) return;
    const { width, height } = this.plot();
    if (this.fitted) this.at = { column: 0, row: 0, cell: Math.min(width, height) / source.length };
    this.at = clamped(this.at, { width, height }, source.length);
    const { column, row, cell } = this.at;
    const columns = Math.min(source.length, column + width / cell);
    const rows = Math.min(source.length, row + height / cell);
    const level = levelFor(cell * ratio, source.length);
    const top = topLevel(source.length);
    const wanted = tilesIn(level, [row, rows, column, columns], source.length, source.causal);
    // The coarsest tile first: it is the whole picture at once, and its largest value ends the scale.
    source.store.want([{ level: top, row: 0, column: 0 }, ...wanted, ...this.tileOfCursor()]);
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
      hovered: this.marked,
    };
    if (source.causal) drawMask(around);
    context.restore();
    drawAxes(around, this.tokens, rows, columns);
    drawMarginals(around, source, this.marginal, this.hideSink);
    drawCross(around);
  }

  /** The tile that holds the exact value at the cursor. */
  private tileOfCursor(): readonly TileAddress[] {
    const { source, cursor } = this;
    if (!source || !cursor || (source.causal && cursor.key > cursor.query)) return [];
    return [{ level: 0, row: Math.floor(cursor.query / tileSide), column: Math.floor(cursor.key / tileSide) }];
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
    if (!place) return;
    this.cursorKey = place.key;
    this.chosen = place;
    this.chooseQuery(place.query);
  }

  private moveCursor(queries: number, keys: number): void {
    const length = this.source?.length ?? 0;
    if (length === 0) return;
    const inside = (at: number): number => Math.max(0, Math.min(length - 1, at));
    const query = inside((this.query ?? 0) + queries);
    const most = this.source?.causal === true ? query : length - 1;
    // The first press stands on the leftmost key that is seen.
    const from = this.cursorKey ?? Math.ceil(this.at.column) - keys;
    this.cursorKey = Math.max(0, Math.min(most, from + keys));
    this.chosen = { query, key: this.cursorKey };
    if (!this.fitted) this.moveTo(showing(this.at, this.chosen, this.plot()));
    if (query !== this.query) this.chooseQuery(query);
  }

  private explain(): void {
    const cell = this.canExplain ? readCell(this.source, this.chosen) : undefined;
    if (cell) this.dispatchEvent(new CustomEvent('explain-cell', { detail: cell }));
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
    const step = 60;
    const move = event.shiftKey
      ? (queries: number, keys: number) => this.pan(keys * step, queries * step)
      : (queries: number, keys: number) => this.moveCursor(queries, keys);
    const keys: Partial<Record<string, () => void>> = {
      '+': () => this.zoom(1.5),
      '=': () => this.zoom(1.5),
      '-': () => this.zoom(1 / 1.5),
      '0': () => this.fit(),
      Enter: () => this.explain(),
      ArrowUp: () => move(-1, 0),
      ArrowDown: () => move(1, 0),
      ArrowLeft: () => move(0, -1),
      ArrowRight: () => move(0, 1),
    };
    const act = keys[event.key];
    if (!act) return;
    act();
    event.preventDefault();
    event.stopPropagation();
  }

  private readout(): string {
    const { source, marked, tokens } = this;
    if (!source) return '';
    if (marked) return cellWords(source, marked, tokens);
    const top = { level: topLevel(source.length), row: 0, column: 0 };
    if (!source.store.get(top) && source.problem === undefined) return 'The head is being read…';
    return source.causal ? 'Keys after the query are not read and left blank.' : '';
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
        title="Arrow keys: another cell, its value is read out · Enter: why it is read · Drag or Shift+arrows to move · Ctrl+wheel or + − to zoom, 0 to fit"
        @blur=${() => (this.cursorKey = undefined)}
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
        ${this.canExplain ? explainCell(readCell(source, this.chosen), () => this.explain()) : nothing}
        ${toolbar(
          'Zoom',
          html`${button({ label: 'Zoom in', icon: 'zoom-in', appearance: 'icon', hint: 'Zoom in (+)', onClick: () => this.zoom(1.5) })}
          ${button({ label: 'Zoom out', icon: 'zoom-out', appearance: 'icon', hint: 'Zoom out (−)', onClick: () => this.zoom(1 / 1.5) })}
          ${button({ label: 'Whole head', icon: 'screen-full', appearance: 'icon', hint: 'Whole head (0)', onClick: () => this.fit() })}`,
        )}
      </div>
      <div class="readout" aria-live=${this.cursor && !this.hovered && !this.linked ? 'polite' : 'off'}>
        ${this.readout()}
      </div>`;
  }
}

customElements.define('hs-head-matrix', HeadMatrix);
