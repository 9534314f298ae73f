/**
 * The picture with what a head reads from each of its patches. The bytes come by a message and become a blob of this page:
 * nothing is loaded from anywhere. Arrow keys walk the patches.
 */
import { html, type PropertyValues } from 'lit';
import type { OpenedImage } from '../../../protocol/compute/hallucination';
import { significant } from '../../ui/numbers';
import { freshContext, PictureElement } from '../../ui/picture-element';
import type { MapModel } from './map-model';
import { drawPicture, frame } from './picture-draw';
import { patchAt, patchBeside, placeWords, type Patch } from './picture-layout';
import { properties } from '../../ui/properties';

/** Tallest on the page; wide pictures are bound by their column. */
const mostHeight = 440;

export class PictureMap extends PictureElement {
  static override properties = properties(['picture', 'model', 'level', 'overlay', 'patch'], ['hovered']);
  declare picture: OpenedImage | undefined;
  declare model: MapModel | undefined;
  /** Tiles of the level that is shown. */
  declare level: readonly number[];
  declare overlay: 'both' | 'picture' | 'map';
  /** Image token in focus. */
  declare patch: number | undefined;
  declare hovered: Patch | undefined;

  private bitmap: { readonly of: Uint8Array; readonly image: ImageBitmap } | undefined;
  private asked: Uint8Array | undefined;

  constructor() {
    super();
    this.level = [0];
    this.overlay = 'both';
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('picture')) this.decode();
    this.schedule();
  }

  private decode(): void {
    const { picture } = this;
    if (!picture || this.bitmap?.of === picture.bytes || this.asked === picture.bytes) return;
    const { bytes } = picture;
    this.asked = bytes;
    createImageBitmap(new Blob([new Uint8Array(bytes)], { type: picture.mime })).then(
      (image) => {
        if (this.asked !== bytes) return;
        this.bitmap = { of: bytes, image };
        this.schedule();
      },
      () => {
        // The compute server decoded it; where this browser cannot, the map alone is drawn.
        this.bitmap = undefined;
        this.schedule();
      },
    );
  }

  private scale(): number {
    const { picture } = this;
    if (!picture) return 1;
    const { width, height } = picture.image;
    return Math.min(this.clientWidth / width, mostHeight / height);
  }

  protected drawNow(): void {
    const { canvas, picture, model } = this;
    if (!canvas || !picture) return;
    const scale = this.scale();
    const [width, height] = [picture.image.width * scale, picture.image.height * scale];
    canvas.style.setProperty('width', `${width}px`);
    canvas.style.setProperty('height', `${height}px`);
    const context = freshContext(canvas);
    if (!context) return;
    const bitmap = this.bitmap?.of === picture.bytes ? this.bitmap.image : undefined;
    drawPicture(context, { image: picture.image, bitmap, model, overlay: this.overlay, scale }, this.theme);
    const focused = model?.patches.find(({ token }) => token === this.patch);
    if (this.hovered) frame(context, this.hovered, scale, 1);
    if (focused) frame(context, focused, scale, 2);
  }

  private patchUnder(event: MouseEvent): Patch | undefined {
    const box = this.canvas?.getBoundingClientRect();
    if (!box || !this.model) return undefined;
    const scale = this.scale();
    return patchAt(this.model.patches, (event.clientX - box.left) / scale, (event.clientY - box.top) / scale);
  }

  private choose(patch: Patch | undefined): void {
    if (patch) this.dispatchEvent(new CustomEvent('select-patch', { detail: patch }));
  }

  private onKey(event: KeyboardEvent): void {
    const { model } = this;
    const by = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (!by || !model) return;
    event.preventDefault();
    event.stopPropagation();
    const from = model.patches.find(({ token }) => token === this.patch);
    this.choose(from ? patchBeside(model.patches, from, by[0] ?? 0, by[1] ?? 0) : model.patches[0]);
  }

  override render() {
    const { model, picture } = this;
    const focused = this.hovered ?? model?.patches.find(({ token }) => token === this.patch);
    const words = model && focused ? patchWords(model, focused, this.level) : '';
    return html`<div
        class="picture-frame"
        role="application"
        aria-roledescription="picture with patches"
        aria-label=${`${picture?.image.name ?? 'Picture'}: ${words === '' ? 'arrow keys walk the patches' : words}`}
        tabindex="0"
        @keydown=${(event: KeyboardEvent) => this.onKey(event)}
        @pointermove=${(event: PointerEvent) => (this.hovered = this.patchUnder(event))}
        @pointerleave=${() => (this.hovered = undefined)}
        @click=${(event: MouseEvent) => this.choose(this.patchUnder(event))}
      >
        <canvas></canvas>
      </div>
      <div class="readout picture-readout">${words}</div>`;
  }
}

/** `row 3 column 2: 0.0312 of the attention`, and whether the patch is a sink. */
export function patchWords(model: MapModel, patch: Patch, level: readonly number[]): string {
  const value = model.values?.[patch.token];
  const read = value === undefined ? '' : `: ${significant(value)} of the attention`;
  const sink = model.sinks.has(patch.token) ? '; a sink, not a finding' : '';
  return `${placeWords(patch, level)}${read}${sink}`;
}

customElements.define('hs-picture-map', PictureMap);
