/**
 * One part of a model as dots, on a canvas: the pointer or the arrow keys name a head, a click or Enter pins it, Escape lets go.
 * The line under the picture keeps its height, so nothing moves.
 */
import { html, nothing, type PropertyValues } from 'lit';
import type { ModelPartFacts } from '../../../protocol/language/requests';
import { announce } from '../../ui/announce';
import { button } from '../../ui/controls';
import { icon } from '../../ui/icons';
import { type Column, countColumn, table, textColumn } from '../../ui/table';
import { PictureElement } from '../../ui/picture-element';
import { drawDots } from './dots-draw';
import { cellAt, layoutDots, moved, type Cell, type DotsLayout } from './dots-layout';
import { attentionTitle, headWords, kindWords, layerRuns, partTitle, queryHeads, type LayerRun } from './layers';
import { properties } from '../../ui/properties';

export class DotsPicture extends PictureElement {
  static override properties = properties(['shown', 'pitch', 'name'], ['asTable', 'hovered', 'focused', 'pinned']);
  declare shown: ModelPartFacts | undefined;
  /** Pixels from head to head, see `fittingPitch`. */
  declare pitch: number;
  /** Name of the model, for what a screen reader says. */
  declare name: string;
  declare asTable: boolean;
  declare hovered: Cell | undefined;
  declare focused: Cell | undefined;
  declare pinned: Cell | undefined;
  private layout: DotsLayout | undefined;

  constructor() {
    super();
    this.pitch = 8;
    this.name = '';
    this.asTable = false;
  }

  /** What is drawn, for tests and for the export. */
  get drawn(): DotsLayout | undefined {
    return this.layout;
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has('shown') && !changed.has('pitch')) return;
    this.layout = this.shown === undefined ? undefined : layoutDots(this.shown, this.pitch);
    const exists = (cell: Cell | undefined): boolean =>
      cell !== undefined && this.layout?.rows[cell.layer]?.xs[cell.head ?? 0] !== undefined;
    if (!exists(this.pinned)) this.pinned = undefined;
    if (!exists(this.focused)) this.focused = undefined;
    if (!exists(this.hovered)) this.hovered = undefined;
  }

  protected override updated(): void {
    this.drawNow();
  }

  private marked(): Cell | undefined {
    return this.hovered ?? this.focused ?? this.pinned;
  }

  protected override drawNow(): void {
    const canvas = this.querySelector('canvas');
    const context = canvas?.getContext('2d');
    if (!canvas || !context || !this.layout) return;
    const scale = window.devicePixelRatio;
    const { width, height } = this.layout;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    canvas.style.setProperty('width', `${width}px`);
    canvas.style.setProperty('height', `${height}px`);
    drawDots(context, this.layout, this.theme, scale, { cell: this.marked() });
  }

  private readonly onPointer = (event: PointerEvent): void => {
    const cell = this.layout && cellAt(this.layout, event.offsetX, event.offsetY);
    if (cell?.layer !== this.hovered?.layer || cell?.head !== this.hovered?.head) this.hovered = cell;
  };

  private readonly onClick = (): void => {
    if (this.hovered === undefined) return;
    const same = this.pinned?.layer === this.hovered.layer && this.pinned.head === this.hovered.head;
    this.pinned = same ? undefined : this.hovered;
    this.focused = this.hovered;
  };

  private readonly onFocus = (): void => {
    if (this.hovered !== undefined || this.layout === undefined) return;
    this.go(this.focused ?? this.pinned ?? moved(this.layout, { layer: 0 }, 'Home', true));
  };

  private readonly onKey = (event: KeyboardEvent): void => {
    if (!this.layout) return;
    if (event.key === 'Escape') {
      if (this.pinned === undefined && this.focused === undefined) return;
      this.pinned = undefined;
      this.focused = undefined;
    } else if (event.key === 'Enter' || event.key === ' ') {
      this.pinned = this.focused;
      if (this.focused) announce('Pinned');
    } else {
      const to = moved(this.layout, this.focused ?? { layer: 0, head: 0 }, event.key, event.ctrlKey || event.metaKey);
      if (to === undefined) return;
      this.go(to);
    }
    event.preventDefault();
  };

  private go(cell: Cell | undefined): void {
    this.focused = cell;
    this.hovered = undefined;
    if (cell && this.shown) announce(headWords(this.shown, cell.layer, cell.head));
  }

  override render() {
    const part = this.shown;
    if (!part) return nothing;
    const title = partTitle(part);
    const summary = `${part.layers.length} layers, ${attentionTitle(part).toLowerCase()}`;
    return html`<figure class="dots">
      <figcaption>
        <h3><strong>${title}</strong> ${summary}</h3>
        ${button({
          label: this.asTable ? 'Show the picture' : 'Show the layers as a table',
          icon: this.asTable ? 'open-preview' : 'table',
          appearance: 'icon',
          disabled: part.layers.length === 0,
          onClick: () => (this.asTable = !this.asTable),
        })}
      </figcaption>
      ${
        part.layers.length === 0
          ? html`<p class="muted">The file names no layers for this part.</p>`
          : this.asTable
            ? layerTable(part, `${this.name} ${title}`)
            : html`<div class="dots-frame">
                <canvas
                  tabindex="0"
                  role="application"
                  aria-roledescription="picture of heads"
                  aria-label="${this.name} ${title}: ${summary}. A row is a layer, a dot a query head. Arrow keys walk the heads, Enter pins one, Escape lets go."
                  @pointermove=${this.onPointer}
                  @pointerleave=${() => (this.hovered = undefined)}
                  @click=${this.onClick}
                  @focus=${this.onFocus}
                  @blur=${() => (this.focused = undefined)}
                  @keydown=${this.onKey}
                ></canvas>
              </div>`
      }
      <div class="readout">${this.readout(part)}</div>
    </figure>`;
  }

  private readout(part: ModelPartFacts) {
    const cell = this.marked();
    if (cell === undefined || this.asTable)
      return html`<span class="muted"
        >A row is a layer, a dot a query head: point at one, or walk them by the arrow keys.</span
      >`;
    return html`${cell === this.pinned ? icon('pinned') : nothing} ${headWords(part, cell.layer, cell.head)}`;
  }
}

const columns: readonly Column<LayerRun>[] = [
  textColumn('layers', 'Layers', ({ first, last }) => (first === last ? String(first) : `${first} to ${last}`)),
  textColumn('attention', 'Attention', ({ layer }) => kindWords(layer)),
  countColumn('heads', 'Query heads', ({ layer }) => queryHeads(layer) || undefined),
  countColumn('kv_heads', 'Key/value heads', ({ layer }) => (queryHeads(layer) > 0 ? layer.kvHeads : undefined)),
];

const layerTable = (part: ModelPartFacts, caption: string) =>
  table({ caption, columns, rows: layerRuns(part.layers), key: ({ first }) => String(first) });

customElements.define('hs-dots', DotsPicture);
