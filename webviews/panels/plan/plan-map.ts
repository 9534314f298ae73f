/**
 * The head map on the page. A pointer or the keyboard chooses a head, a layer, a column or a rectangle; Enter, or the end of a
 * stroke while the pointer paints, applies the brush.
 */
import { html, type PropertyValues } from 'lit';
import { headPlanText, headPlanWords, type HeadPlan } from '../../../protocol/plans/head-plan';
import { planClasses, planClassOf } from '../../../protocol/plans/plan-words';
import { paintScene } from '../../sections/scene-canvas';
import type { Mark } from '../../sections/scene';
import { moveInGrid } from '../../sections/grid-keys';
import { announce } from '../../ui/announce';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { freshContext, PictureElement } from '../../ui/picture-element';
import { properties } from '../../ui/properties';
import { drawMap, type DrawnMap, type MapPlace } from './map-picture';
import { column, everything, one, placesIn, row, selectionWords, type Selection } from './selection';

type Heads = readonly (readonly HeadPlan[])[];

/** Events: `choose` ({ detail: Selection, or null for none }) and `stroke` ({ detail: Selection }), where the brush is to paint. */
export class PlanMap extends PictureElement {
  static override properties = properties(['heads', 'marked', 'selection', 'paints', 'bytes']);
  declare heads: Heads;
  declare marked: ReadonlySet<string>;
  declare selection: Selection | undefined;
  /** A stroke of the pointer paints; else it chooses. */
  declare paints: boolean;
  /** Bytes of one head, in words. */
  declare bytes: (keep: HeadPlan) => string;
  private drawn:
    | { readonly heads: Heads; readonly marked: ReadonlySet<string>; readonly width: number; readonly map: DrawnMap }
    | undefined;
  private hovered: HeadPlace | undefined;
  /** Where the pointer went down. */
  private stroke: HeadPlace | undefined;

  constructor() {
    super();
    this.heads = [];
    this.marked = new Set();
    this.paints = false;
    this.bytes = () => '';
  }

  protected override onTheme(): void {
    this.drawn = undefined;
  }

  protected override updated(_changed: PropertyValues): void {
    this.schedule();
  }

  /** As it was last drawn, for tests. */
  get map(): DrawnMap | undefined {
    return this.drawn?.map;
  }

  private get counts(): readonly number[] {
    return this.heads.map((layer) => layer.length);
  }

  override render() {
    const all = this.counts.reduce((sum, count) => sum + count, 0);
    return html`<div
      class="picture-frame file-map plan-map ${this.paints ? 'paints' : ''}"
      tabindex="0"
      role="application"
      aria-roledescription="head map"
      aria-label="What ${all} key/value heads in ${this.heads.length} layers keep. Arrow keys walk, Shift with them chooses a rectangle, R a layer, C a column, Enter paints, Escape chooses none."
      @pointerdown=${(event: PointerEvent) => this.onDown(event)}
      @pointermove=${(event: PointerEvent) => this.onMove(event)}
      @pointerup=${(event: PointerEvent) => this.onUp(event)}
      @pointercancel=${() => (this.stroke = undefined)}
      @pointerleave=${() => this.hover(undefined)}
      @keydown=${(event: KeyboardEvent) => this.onKey(event)}
      @focus=${(event: FocusEvent) => this.onFocusChange(event)}
      @blur=${(event: FocusEvent) => this.onFocusChange(event)}
    >
      <canvas aria-hidden="true"></canvas>
      <div class="picture-tip" aria-hidden="true"></div>
    </div>`;
  }

  protected override drawNow(): void {
    const { canvas } = this;
    const width = this.clientWidth;
    if (!canvas || width < 60) return;
    const { heads, marked } = this;
    if (this.drawn?.heads !== heads || this.drawn.marked !== marked || this.drawn.width !== width)
      this.drawn = { heads, marked, width, map: drawMap({ heads, marked }, width, this.theme) };
    const { map } = this.drawn;
    canvas.style.setProperty('height', `${Math.ceil(map.height)}px`);
    canvas.style.setProperty('width', `${width}px`);
    const context = freshContext(canvas);
    if (!context) return;
    paintScene(context, map);
    paintScene(context, { ...map, marks: this.outlines(map) });
    this.tip(map);
  }

  private outlines(map: DrawnMap): readonly Mark[] {
    const { background, foreground, focus } = this.theme;
    const marks: Mark[] = [];
    const frame = (place: HeadPlace, stroke: string, lineWidth: number): Mark => {
      const { x, y, width, height } = map.box(place);
      return { kind: 'rect', x: x - 0.5, y: y - 0.5, width, height, stroke, lineWidth };
    };
    if (this.selection) {
      const places = placesIn(this.selection, this.counts);
      for (const place of places) marks.push(frame(place, background, 4));
      for (const place of places) marks.push(frame(place, focus, 2));
    }
    if (this.hovered) marks.push(frame(this.hovered, foreground, 1));
    return marks;
  }

  private words(place: HeadPlace): readonly [title: string, value: string, definition: string] | undefined {
    const keep = this.heads[place.layer]?.[place.head];
    if (!keep) return undefined;
    const { title } = planClasses[planClassOf(keep)];
    return [
      `layer ${place.layer}, key/value head ${place.head}: ${title}`,
      `${headPlanText(keep)}, ${this.bytes(keep)}`,
      headPlanWords(keep),
    ];
  }

  private tip(map: DrawnMap): void {
    const at = this.hovered ?? (this.hasFocus ? this.selection?.corner : undefined);
    this.showTip(at && map.box(at), at && this.words(at));
  }

  private under(event: PointerEvent): MapPlace | undefined {
    const { x, y } = this.pointOf(event);
    return this.drawn?.map.at(x, y);
  }

  private onDown(event: PointerEvent): void {
    if (event.button !== 0) return;
    const place = this.under(event);
    if (place?.kind !== 'head') {
      if (place)
        this.finish(
          place.kind === 'layer'
            ? row(place.layer, this.counts[place.layer] ?? 0)
            : column(place.head, this.heads.length),
        );
      else this.choose(undefined);
      return;
    }
    const { layer, head } = place;
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    const from = event.shiftKey && this.selection ? this.selection.anchor : { layer, head };
    this.stroke = from;
    this.choose({ anchor: from, corner: { layer, head } });
  }

  private onMove(event: PointerEvent): void {
    const place = this.under(event);
    const head = place?.kind === 'head' ? { layer: place.layer, head: place.head } : undefined;
    this.hover(head);
    if (this.stroke && head) this.choose({ anchor: this.stroke, corner: head });
  }

  private onUp(event: PointerEvent): void {
    (event.currentTarget as HTMLElement).releasePointerCapture(event.pointerId);
    const { stroke, selection } = this;
    this.stroke = undefined;
    if (stroke && selection && this.paints) this.emit('stroke', selection);
  }

  /** A layer or a column was chosen by its label. */
  private finish(selection: Selection): void {
    this.choose(selection);
    if (this.paints) this.emit('stroke', selection);
  }

  private hover(place: HeadPlace | undefined): void {
    if (place?.layer === this.hovered?.layer && place?.head === this.hovered?.head) return;
    this.hovered = place;
    this.schedule();
  }

  private onKey(event: KeyboardEvent): void {
    if (event.altKey) return;
    const to = this.keyed(event);
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.hasFocus = true;
    if (to === 'paint') {
      if (this.selection) this.emit('stroke', this.selection);
      return;
    }
    this.choose(to ?? undefined);
    if (to) this.say(to);
  }

  /** What a key chooses; null: nothing any more; undefined: it means nothing here. */
  private keyed(event: KeyboardEvent): Selection | 'paint' | null | undefined {
    const { selection, counts } = this;
    const corner = selection?.corner ?? { layer: 0, head: 0 };
    const command = event.ctrlKey || event.metaKey;
    if (command) return event.key.toLowerCase() === 'a' ? everything(counts) : undefined;
    switch (event.key) {
      case 'Enter':
      case ' ':
        return selection ? 'paint' : undefined;
      case 'Escape':
        return selection ? null : undefined;
      case 'r':
        return row(corner.layer, counts[corner.layer] ?? 0);
      case 'c':
        return column(corner.head, counts.length);
      default: {
        const moved = moveInGrid({ row: corner.layer, column: corner.head }, event.key, counts);
        if (!moved) return undefined;
        const place = selection ? { layer: moved.row, head: moved.column } : corner;
        return event.shiftKey && selection ? { anchor: selection.anchor, corner: place } : one(place);
      }
    }
  }

  private say(selection: Selection): void {
    const words = this.words(selection.corner);
    const isOne = placesIn(selection, this.counts).length === 1;
    announce(isOne && words ? `${words[0]}, ${words[1]}` : selectionWords(selection, this.counts));
  }

  private choose(selection: Selection | undefined): void {
    this.emit('choose', selection ?? null);
  }

  private emit(name: 'choose' | 'stroke', detail: Selection | null): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

customElements.define('hs-plan-map', PlanMap);
