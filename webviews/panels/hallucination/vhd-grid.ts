/** The map of divergences, layers by heads: arrow keys walk the cells; the cell in focus is said. */
import { html } from 'lit';
import { dotted } from '../../ui/dotted';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { freshContext, PictureElement } from '../../ui/picture-element';
import { drawFrame, drawVhd } from './vhd-draw';
import { announcementOf, placeAt, readoutOf, vhdLayout, type VhdLayout, type VhdModel } from './vhd-model';
import { properties } from '../../ui/properties';

export class VhdGrid extends PictureElement {
  static override properties = properties(['model', 'selected'], ['hovered']);
  declare model: VhdModel | undefined;
  declare selected: HeadPlace | undefined;
  declare hovered: HeadPlace | undefined;

  private layout: VhdLayout | undefined;

  protected drawNow(): void {
    const canvas = this.querySelector('canvas');
    const { model, theme } = this;
    if (!canvas || !model || this.clientWidth < 60) return;
    const layout = vhdLayout(model, this.clientWidth);
    this.layout = layout;
    canvas.style.setProperty('width', `${layout.width}px`);
    canvas.style.setProperty('height', `${layout.height}px`);
    const context = freshContext(canvas);
    if (!context) return;
    drawVhd(context, model, layout, theme);
    if (this.hovered) drawFrame(context, layout, this.hovered, theme, 1);
    if (this.selected) drawFrame(context, layout, this.selected, theme, 2);
  }

  private placeUnder(event: MouseEvent): HeadPlace | undefined {
    const box = this.querySelector('canvas')?.getBoundingClientRect();
    if (!box || !this.model || !this.layout) return undefined;
    return placeAt(this.model, this.layout, event.clientX - box.left, event.clientY - box.top);
  }

  private choose(place: HeadPlace | undefined): void {
    if (place) this.dispatchEvent(new CustomEvent('select-head', { detail: place }));
  }

  private onPointer(event: PointerEvent): void {
    const place = this.placeUnder(event);
    if (place?.layer !== this.hovered?.layer || place?.head !== this.hovered?.head) this.hovered = place;
  }

  private onKey(event: KeyboardEvent): void {
    const { model } = this;
    if (!model) return;
    const at = this.selected ?? { layer: 0, head: 0 };
    const step: Partial<Record<string, readonly [number, number]>> = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      Home: [0, -at.head],
      End: [0, model.heads],
      PageUp: [-model.layers, 0],
      PageDown: [model.layers, 0],
    };
    const by = step[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    this.choose({
      layer: Math.min(Math.max(at.layer + by[0], 0), model.layers - 1),
      head: Math.min(Math.max(at.head + by[1], 0), model.heads - 1),
    });
  }

  override render() {
    const { model, selected, hovered } = this;
    const place = hovered ?? selected;
    const words = model && selected ? announcementOf(model, selected) : 'no head selected';
    return html`<div
        class="grid-frame"
        role="application"
        aria-roledescription="grid of heads"
        aria-label=${`${model?.measure === 'change' ? 'Change of the divergence' : 'Divergence'} by layer and head: ${words}`}
        title="Arrow keys: another head"
        tabindex="0"
        @keydown=${(event: KeyboardEvent) => this.onKey(event)}
        @pointermove=${(event: PointerEvent) => this.onPointer(event)}
        @pointerleave=${() => (this.hovered = undefined)}
        @click=${(event: MouseEvent) => this.choose(this.placeUnder(event))}
      >
        <canvas></canvas>
      </div>
      <div class="readout grid-readout">${model && place ? dotted(readoutOf(model, place)) : ''}</div>`;
  }
}

customElements.define('hs-vhd-grid', VhdGrid);
