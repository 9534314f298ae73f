/** The picture of a circuit on the page, with the pointer and the keys: it says what is chosen and moved, and changes nothing itself. */
import { html, type PropertyValues } from 'lit';
import type { Placed } from '../../../protocol/circuits/edit';
import { paintScene } from '../../sections/scene-canvas';
import type { Box } from '../../sections/scene';
import { announce } from '../../ui/announce';
import { freshContext, PictureElement } from '../../ui/picture-element';
import { properties } from '../../ui/properties';
import {
  circuitMarks,
  fit,
  hit,
  inside,
  leastScale,
  mostScale,
  neighbour,
  placeOf,
  type Camera,
  type Dragged,
  type SceneParts,
} from './scene';
import type { Drawn, Visible } from './state';

/** What a key asks for beside choosing and moving. */
export type MapAct = 'group' | 'ungroup' | 'pin' | 'rename' | 'note' | 'toggle';

type Gesture =
  | { readonly kind: 'move'; readonly x: number; readonly y: number; readonly ids: ReadonlySet<string> }
  | { readonly kind: 'pan'; readonly x: number; readonly y: number; readonly camera: Camera }
  | { readonly kind: 'box'; readonly x: number; readonly y: number };

/** Pixels that the pointer may shake without moving anything. */
const shake = 3;
/** Pixels around the middle of a node that its tip leaves free. */
const reach = 10;
/** Units of the plane that a key moves by. */
const keyStep = 12;

const acts: Readonly<Record<string, MapAct>> = {
  g: 'group',
  u: 'ungroup',
  p: 'pin',
  r: 'rename',
  n: 'note',
  F2: 'rename',
};

/** Events: `choose` ({ detail: ids }), `place` ({ detail: Placed[] }), `act` ({ detail: MapAct }). */
export class CircuitMap extends PictureElement {
  static override properties = properties(['drawn', 'visible', 'selection', 'words']);
  declare drawn: Drawn | undefined;
  declare visible: Visible | undefined;
  declare selection: readonly string[];
  /** Of a drawn node or an open group, for the tip and for screen readers. */
  declare words: (id: string) => readonly [title: string, value: string, more: string] | undefined;
  private camera: Camera | undefined;
  private hovered: string | undefined;
  private gesture: Gesture | undefined;
  private dragged: Dragged | undefined;
  private box: Box | undefined;
  /** It was enlarged or moved by hand; until then it fits its frame at any size. */
  private held = false;

  constructor() {
    super();
    this.selection = [];
    this.words = () => undefined;
  }

  protected override updated(changed: PropertyValues): void {
    // The file holds what was moved.
    if (changed.has('drawn')) this.dragged = undefined;
    this.schedule();
  }

  override render() {
    const count = this.drawn?.nodes.length ?? 0;
    return html`<div
      class="picture-frame file-map circuit-map"
      tabindex="0"
      role="application"
      aria-roledescription="circuit"
      aria-label="${count} nodes. Arrow keys walk, Shift with them chooses several, Control with them moves what is chosen, G groups, U ungroups, Enter opens and closes a group, R renames, N notes, P pins, plus and minus zoom, F fits, Escape chooses none."
      @pointerdown=${(event: PointerEvent) => this.onDown(event)}
      @pointermove=${(event: PointerEvent) => this.onMove(event)}
      @pointerup=${() => this.onUp()}
      @pointercancel=${() => this.drop()}
      @pointerleave=${() => this.hover(undefined)}
      @dblclick=${() => this.selection.length === 1 && this.act('toggle')}
      @wheel=${(event: WheelEvent) => this.onWheel(event)}
      @keydown=${(event: KeyboardEvent) => this.onKey(event)}
      @focus=${(event: FocusEvent) => this.onFocusChange(event)}
      @blur=${(event: FocusEvent) => this.onFocusChange(event)}
    >
      <canvas aria-hidden="true"></canvas>
      <div class="picture-tip" aria-hidden="true"></div>
    </div>`;
  }

  /** Everything in view. */
  fit(): void {
    this.held = false;
    this.camera = undefined;
    this.schedule();
  }

  zoom(factor: number, x = this.clientWidth / 2, y = this.clientHeight / 2): void {
    const { camera } = this;
    if (!camera) return;
    const scale = Math.max(leastScale, Math.min(mostScale, camera.scale * factor));
    const by = scale / camera.scale;
    this.held = true;
    this.camera = { scale, left: x - (x - camera.left) * by, top: y - (y - camera.top) * by };
    this.schedule();
  }

  /** On the screen, from the corner of the canvas; for tests. */
  at(id: string): { readonly x: number; readonly y: number } | undefined {
    const [parts, node] = [this.parts(), this.drawn?.byId.get(id)];
    return parts && node && placeOf(parts, node);
  }

  private parts(): SceneParts | undefined {
    const { drawn, visible, camera, hovered, dragged } = this;
    if (!drawn || !visible || !camera) return undefined;
    const selection = new Set(this.selection);
    return { drawn, visible, camera, hovered, dragged, selection, width: this.clientWidth, height: this.clientHeight };
  }

  protected override drawNow(): void {
    const { clientWidth: width, clientHeight: height, drawn } = this;
    if (!drawn || width < 60) return;
    if (!this.held && this.dragged === undefined && this.gesture === undefined) {
      this.camera = fit(drawn, width, height, this.theme);
    }
    const context = freshContext(this.canvas);
    const parts = this.parts();
    if (!context || !parts) return;
    paintScene(context, { width, height, marks: circuitMarks(parts, this.theme) });
    if (this.box) {
      const { focus } = this.theme;
      paintScene(context, { width, height, marks: [{ kind: 'rect', ...this.box, stroke: focus, lineWidth: 1 }] });
    }
    this.tip(parts);
  }

  private tip(parts: SceneParts): void {
    const id = this.gesture ? undefined : (this.hovered ?? (this.hasFocus ? this.selection.at(-1) : undefined));
    const node = parts.drawn.byId.get(id ?? '');
    const at = node && placeOf(parts, node);
    this.showTip(at && { x: at.x, y: at.y - reach, width: 0, height: 2 * reach }, node && this.words(node.id));
  }

  private onDown(event: PointerEvent): void {
    const parts = this.parts();
    if (event.button !== 0 || !parts) return;
    const { x, y } = this.pointOf(event);
    const id = hit(parts, x, y, this.theme);
    const adds = event.ctrlKey || event.metaKey || event.shiftKey;
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    if (id === undefined) {
      this.gesture = event.shiftKey ? { kind: 'box', x, y } : { kind: 'pan', x, y, camera: parts.camera };
      return;
    }
    if (adds) return this.choose(this.toggled(id));
    const ids = this.selection.includes(id) ? this.selection : [id];
    this.choose([...ids.filter((one) => one !== id), id]);
    this.gesture = { kind: 'move', x, y, ids: new Set(ids) };
  }

  private onMove(event: PointerEvent): void {
    const parts = this.parts();
    if (!parts) return;
    const { x, y } = this.pointOf(event);
    const { gesture } = this;
    if (!gesture) return this.hover(hit(parts, x, y, this.theme));
    const [dx, dy] = [x - gesture.x, y - gesture.y];
    if (gesture.kind === 'pan') {
      if (Math.hypot(dx, dy) > shake) this.held = true;
      this.camera = { ...gesture.camera, left: gesture.camera.left + dx, top: gesture.camera.top + dy };
    } else if (gesture.kind === 'box') {
      this.box = { x: Math.min(x, gesture.x), y: Math.min(y, gesture.y), width: Math.abs(dx), height: Math.abs(dy) };
    } else if (this.dragged || Math.hypot(dx, dy) > shake) {
      const { scale } = parts.camera;
      this.dragged = { ids: gesture.ids, x: dx / scale, y: dy / scale };
    }
    this.schedule();
  }

  private onUp(): void {
    const { gesture, dragged, box, camera } = this;
    const parts = this.parts();
    this.gesture = undefined;
    this.box = undefined;
    if (gesture?.kind === 'pan' && camera?.left === gesture.camera.left && camera.top === gesture.camera.top)
      this.choose([]);
    if (gesture?.kind === 'box' && parts && box) this.choose([...new Set([...this.selection, ...inside(parts, box)])]);
    // It is drawn where it was put until the file says so.
    if (dragged) this.place(dragged.ids, dragged.x, dragged.y);
    this.schedule();
  }

  private drop(): void {
    this.gesture = undefined;
    this.dragged = undefined;
    this.box = undefined;
    this.schedule();
  }

  /** The page scrolls by the wheel alone; Control with it, as a pinch, zooms. */
  private onWheel(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const { x, y } = this.pointOf(event);
    this.zoom(Math.exp(-event.deltaY / 300), x, y);
  }

  private place(ids: ReadonlySet<string>, dx: number, dy: number): void {
    const places = [...ids].flatMap((id): readonly Placed[] => {
      const node = this.drawn?.byId.get(id);
      return node ? [{ id, x: node.x + dx, y: node.y + dy }] : [];
    });
    // A frame that follows its nodes would seem to leave them where they were.
    this.held = true;
    if (places.length > 0) this.emit('place', places);
  }

  private onKey(event: KeyboardEvent): void {
    const { drawn } = this;
    if (!drawn || event.altKey || !this.keyed(event, drawn)) return;
    event.preventDefault();
    event.stopPropagation();
    this.hasFocus = true;
    this.schedule();
  }

  private keyed(event: KeyboardEvent, drawn: Drawn): boolean {
    const { selection } = this;
    const at = selection.at(-1);
    const command = event.ctrlKey || event.metaKey;
    if (event.key.startsWith('Arrow')) {
      if (command) {
        const [dx, dy] = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0] }[event.key] ?? [1, 0];
        if (selection.length > 0) this.place(new Set(selection), (dx ?? 0) * keyStep, (dy ?? 0) * keyStep);
        return true;
      }
      const to = neighbour(drawn, at, event.key);
      if (to === undefined) return true;
      this.choose(event.shiftKey ? [...selection.filter((id) => id !== to), to] : [to]);
      this.say(to);
      return true;
    }
    if (command) {
      if (event.key.toLowerCase() !== 'a') return false;
      this.choose(drawn.nodes.map(({ id }) => id));
      return true;
    }
    switch (event.key) {
      case 'Escape':
        this.choose([]);
        return selection.length > 0;
      case 'Enter':
        if (at !== undefined) this.act('toggle');
        return true;
      case '+':
      case '=':
        this.zoom(1.25);
        return true;
      case '-':
        this.zoom(0.8);
        return true;
      case 'f':
        this.fit();
        return true;
      default: {
        const act = acts[event.key];
        if (act && at !== undefined) this.act(act);
        return act !== undefined;
      }
    }
  }

  private say(id: string): void {
    const words = this.words(id);
    if (words) announce(words.filter((part) => part !== '').join(', '));
  }

  private toggled = (id: string): readonly string[] =>
    this.selection.includes(id) ? this.selection.filter((one) => one !== id) : [...this.selection, id];

  private hover(id: string | undefined): void {
    if (id === this.hovered) return;
    this.hovered = id;
    this.schedule();
  }

  private choose(ids: readonly string[]): void {
    this.emit('choose', ids);
  }

  private act(act: MapAct): void {
    this.emit('act', act);
  }

  private emit(name: 'choose' | 'place' | 'act', detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

customElements.define('hs-circuit-map', CircuitMap);
