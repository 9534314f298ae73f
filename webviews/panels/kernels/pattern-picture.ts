/**
 * `<hs-pattern>`: which keys each query may read, or by how much its output depends on them; queries down, keys across, with
 * the blocks in which the kernel skips work. The cell under the pointer, or the one chosen by arrow keys, is said in words.
 */
import { html } from 'lit';
import { pairKinds, type MechanismView } from '../../../protocol/compute/mechanism-view';
import { cividis, css, mix, parseColour, type Rgb } from '../../charts/colour-map';
import { count, significant } from '../../ui/numbers';
import { freshContext, PictureElement } from '../../ui/picture-element';
import { properties } from '../../ui/properties';

const margin = { left: 58, top: 8, right: 8, bottom: 34 };

interface Place {
  readonly query: number;
  readonly key: number;
}

export class PatternPicture extends PictureElement {
  static override properties = properties(['view'], ['place']);

  declare view: MechanismView | undefined;
  declare private place: Place | undefined;

  /** Ground, read, read inside an average: apart in lightness, so also without colour. */
  private colours(): readonly Rgb[] {
    const ground = parseColour(this.theme.dark ? '#2a2a2a' : '#f1f1f1');
    const strong = parseColour(this.theme.dark ? '#5fb0ff' : '#0b5fb3');
    return [ground, strong, mix(ground, strong, 0.45)];
  }

  private geometry(canvas: HTMLCanvasElement, view: MechanismView) {
    const across = canvas.clientWidth - margin.left - margin.right;
    const down = canvas.clientHeight - margin.top - margin.bottom;
    const side = Math.min(across / view.keys, down / view.queries);
    const { scale } = view;
    const cells = { across: Math.ceil(view.keys / scale), down: Math.ceil(view.queries / scale) };
    return { side, width: side * view.keys, height: side * view.queries, cells };
  }

  protected override drawNow(): void {
    const { canvas, view, theme } = this;
    const context = freshContext(canvas);
    if (!canvas || !context || !view) return;
    const { side, width, height, cells } = this.geometry(canvas, view);
    this.drawCells(context, view, cells, side);
    this.drawBlocks(context, view, side, width, height);
    context.strokeStyle = theme.muted;
    context.lineWidth = 1;
    context.strokeRect(margin.left - 0.5, margin.top - 0.5, width + 1, height + 1);
    this.drawAxes(context, view, side, width, height);
    if (this.place) {
      context.strokeStyle = theme.foreground;
      context.lineWidth = 1.5;
      const box = Math.max(side * view.scale, 3);
      context.strokeRect(margin.left + this.place.key * side, margin.top + this.place.query * side, box, box);
    }
  }

  private drawCells(
    context: CanvasRenderingContext2D,
    view: MechanismView,
    { across, down }: { readonly across: number; readonly down: number },
    side: number,
  ): void {
    const image = new ImageData(across, down);
    const colours = this.colours();
    const [ground = [0, 0, 0]] = colours;
    // The square root shows weights of a hundredth beside weights of one.
    const largest = Math.max(1e-12, ...(view.effective ? view.effective.filter(Number.isFinite) : []));
    for (let at = 0; at < view.cells.length; at += 1) {
      const [red, green, blue] = view.effective
        ? cividis(Math.sqrt((view.effective[at] ?? 0) / largest))
        : mix(ground, colours[view.cells[at] ?? 0] ?? ground, view.shares?.[at] ?? 1);
      image.data.set([red, green, blue, 255], at * 4);
    }
    const small = new OffscreenCanvas(across, down);
    small.getContext('2d')?.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    // The last cells may hold fewer positions than they are drawn over.
    context.save();
    context.beginPath();
    context.rect(margin.left, margin.top, side * view.keys, side * view.queries);
    context.clip();
    const cell = side * view.scale;
    context.drawImage(small, margin.left, margin.top, cell * across, cell * down);
    context.restore();
  }

  private drawBlocks(
    context: CanvasRenderingContext2D,
    { block, queries, keys }: MechanismView,
    side: number,
    width: number,
    height: number,
  ): void {
    if (!block || this.view?.effective) return;
    context.strokeStyle = css(mix(parseColour(this.theme.foreground), this.colours()[0] ?? [0, 0, 0], 0.5), 0.6);
    context.lineWidth = 1;
    context.beginPath();
    for (let query = block.queries; query < queries && block.queries * side > 5; query += block.queries) {
      const y = Math.round(margin.top + query * side) + 0.5;
      context.moveTo(margin.left, y);
      context.lineTo(margin.left + width, y);
    }
    for (let key = block.keys; key < keys && block.keys * side > 5; key += block.keys) {
      const x = Math.round(margin.left + key * side) + 0.5;
      context.moveTo(x, margin.top);
      context.lineTo(x, margin.top + height);
    }
    context.stroke();
  }

  private drawAxes(
    context: CanvasRenderingContext2D,
    { queries, keys }: MechanismView,
    side: number,
    width: number,
    height: number,
  ): void {
    const { theme } = this;
    context.font = `${theme.fontSize - 2}px ${theme.font}`;
    context.fillStyle = theme.muted;
    const every = (length: number): number => {
      let step = 1;
      while (step * side < 34 && step < length / 2) step *= 2;
      return step;
    };
    context.textAlign = 'center';
    context.textBaseline = 'top';
    for (let key = 0; key < keys; key += every(keys)) {
      context.fillText(count(key), margin.left + (key + 0.5) * side, margin.top + height + 4);
    }
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    for (let query = 0; query < queries; query += every(queries)) {
      context.fillText(count(query), margin.left - 5, margin.top + (query + 0.5) * side);
    }
    context.textAlign = 'center';
    context.textBaseline = 'top';
    context.fillText('key position', margin.left + width / 2, margin.top + height + 18);
    context.save();
    context.translate(4, margin.top + height / 2);
    context.rotate(-Math.PI / 2);
    context.fillText('query position', 0, 0);
    context.restore();
  }

  private onPointer(event: PointerEvent): void {
    const { canvas, view } = this;
    if (!canvas || !view) return;
    const cell = this.geometry(canvas, view).side * view.scale;
    const box = canvas.getBoundingClientRect();
    const key = Math.floor((event.clientX - box.left - margin.left) / cell) * view.scale;
    const query = Math.floor((event.clientY - box.top - margin.top) / cell) * view.scale;
    const inside = key >= 0 && query >= 0 && key < view.keys && query < view.queries;
    this.place = inside ? { query, key } : undefined;
  }

  private onKey(event: KeyboardEvent): void {
    const { view } = this;
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!view || !step) return;
    event.preventDefault();
    const at = this.place ?? { query: 0, key: 0 };
    const { scale } = view;
    const moved = (from: number, by: number, length: number): number =>
      Math.min(Math.floor((length - 1) / scale) * scale, Math.max(0, from + (this.place ? by * scale : 0)));
    this.place = { query: moved(at.query, step[0] ?? 0, view.queries), key: moved(at.key, step[1] ?? 0, view.keys) };
  }

  private words(): string {
    const { view, place } = this;
    if (!view) return '';
    if (!place) return `${count(view.queries)} queries down, ${count(view.keys)} keys across`;
    const { scale, shares } = view;
    const at = (place.query / scale) * Math.ceil(view.keys / scale) + place.key / scale;
    const kind = pairKinds[view.cells[at] ?? 0] ?? '';
    const weight = view.effective ? `, weight ${significant(view.effective[at] ?? NaN)}` : '';
    if (!shares) return `query ${count(place.query)}, key ${count(place.key)}: ${kind}${weight}`;
    const span = (from: number, length: number) => `${count(from)}–${count(Math.min(from + scale, length) - 1)}`;
    const share = view.effective ? '' : ` ${significant(100 * (shares[at] ?? 0))} %`;
    return `queries ${span(place.query, view.queries)}, keys ${span(place.key, view.keys)}:${share} ${kind}${weight}`;
  }

  override render() {
    return html`<div
        class="pattern-frame"
        role="application"
        aria-roledescription="matrix of queries and keys"
        aria-label=${`What each query reads: ${this.words()}`}
        tabindex="0"
        @pointermove=${(event: PointerEvent) => this.onPointer(event)}
        @pointerleave=${() => (this.place = undefined)}
        @keydown=${(event: KeyboardEvent) => this.onKey(event)}
      >
        <canvas></canvas>
      </div>
      <div class="pattern-readout muted">${this.words()}</div>`;
  }
}

customElements.define('hs-pattern', PatternPicture);
