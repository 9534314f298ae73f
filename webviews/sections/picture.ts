/**
 * A picture of cells (heads, pairs of tokens, patches, nodes): it is drawn on a canvas, a pointer or the arrow keys find the
 * value of a cell, a click or Enter chooses it. A picture that is larger than its frame is zoomed and moved like a map.
 */
import { html, nothing, type PropertyValues } from 'lit';
import { announce } from '../ui/announce';
import { button, toolbar } from '../ui/controls';
import { PictureElement, freshContext } from '../ui/picture-element';
import { properties } from '../ui/properties';
import type { Theme } from '../ui/theme';
import type { Bands } from './looked-tokens';
import type { Box, Mark, Scene } from './scene';
import { paintScene } from './scene-canvas';
import { shortened } from './words';
import { hoverToken, markedFor, onHoveredToken, type TokenPlaces } from './hovered-token';
import { focusedIn } from '../ui/focused';

export interface CellWords {
  /** `layer 2, head 5` */
  readonly title: string;
  /** `induction score 0.93 (0.91 to 0.95, 95 % interval)` */
  readonly value: string;
  readonly definition?: string;
}

export interface Drawn extends Scene {
  /** The cell under a point. */
  readonly hit: (x: number, y: number) => string | undefined;
  readonly box: (cursor: string) => Box | undefined;
  /** Drawn over the scene for a chosen or hovered cell, instead of a frame about its box. */
  readonly over?: (cursor: string, kind: 'hover' | 'cursor') => readonly Mark[];
  /** Marks rows and columns of what the cells hold; absent: they hold neither. */
  readonly bands?: (bands: Bands) => readonly Mark[];
}

/** Which part of a picture is seen: what the picture itself makes of it. */
export interface PicturePlace {
  readonly column: number;
  readonly row: number;
  readonly zoom: number;
}

/** How the part that is seen is moved; points and distances in CSS pixels. Undefined: the whole picture is seen. */
interface Movable {
  /** Absent: it is moved and not enlarged. */
  readonly zoomed?: (
    place: PicturePlace | undefined,
    factor: number,
    point: { readonly x: number; readonly y: number } | undefined,
  ) => PicturePlace | undefined;
  readonly panned: (place: PicturePlace | undefined, dx: number, dy: number) => PicturePlace | undefined;
  /** Moved as far as the cell needs to be seen. */
  readonly showing: (place: PicturePlace | undefined, cursor: string) => PicturePlace | undefined;
}

export interface Picture {
  /** Read by a screen reader on the way in. */
  readonly label: string;
  readonly draw: (width: number, theme: Theme, place?: PicturePlace) => Drawn;
  readonly movable?: Movable;
  /** Several cells can be chosen: what lies between two of them, in the order of the picture. */
  readonly between?: (from: string, to: string) => readonly string[];
  /** Says when there is more to draw; gives back how to stop listening. */
  readonly onChange?: (listener: () => void) => () => void;
  /** The cell is looked at: what its exact value needs is asked for. */
  readonly want?: (cursor: string) => void;
  /** Where the first arrow key lands. */
  readonly first: () => string | undefined;
  /** Where a key leads; undefined: it means nothing here. */
  readonly move: (cursor: string, key: string) => string | undefined;
  readonly words: (cursor: string) => CellWords | undefined;
  /** Where cells are of tokens: the one under the pointer is marked in other pictures of the text too. */
  readonly tokens?: TokenPlaces;
}

/** Several cells, and the one that the next key goes on from. */
export interface Choice {
  readonly chosen: readonly string[];
  readonly cursor: string;
}

/** Characters of a line of the tip, whose titles and definitions come from elsewhere. */
const longestLine = 400;

const movingKeys = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp', 'PageDown'];
const togglingKeys = ['x', 'X', '0', 'Delete'];
/** CSS pixels that a key moves the picture by. */
const panStep = 60;
const zoomStep = 1.5;

/**
 * Events: `cursor` ({ detail: string, or null for none }), `ask` and `toggle` ({ detail: string }), `choose`
 * ({ detail: Choice }), `hover` ({ detail: string, or null for none }), `arrived` (the value of the chosen cell may have come).
 */
export class SectionPicture extends PictureElement {
  static override properties = properties(['picture', 'cursor', 'chosen', 'linked', 'bands', 'toggles']);
  declare picture: Picture | undefined;
  declare cursor: string | undefined;
  /** Where several cells can be chosen: all of them, the cursor among them. */
  declare chosen: readonly string[] | undefined;
  /** Cells that something beside the picture points at. */
  declare linked: readonly string[] | undefined;
  /** Rows and columns that something beside the picture points at. */
  declare bands: Bands | undefined;
  /** Keys and Alt+click switch a cell off and on: the holder of the picture hears `toggle`. */
  declare toggles: boolean | undefined;
  /** Milliseconds of the last drawing, for the bench. */
  drawnIn = 0;
  private drawn:
    | {
        readonly picture: Picture;
        readonly width: number;
        readonly place: PicturePlace | undefined;
        readonly drawn: Drawn;
      }
    | undefined;
  /** What stays while cells are marked, painted once. */
  private readonly base = document.createElement('canvas');
  private based: Drawn | undefined;
  private place: PicturePlace | undefined;
  private hovered: string | undefined;
  private drag: { readonly x: number; readonly y: number; moved: boolean } | undefined;
  private dragged = false;
  /** Where Ctrl and the arrow keys have walked, past what is chosen. */
  private passed: string | undefined;
  private unlink: (() => void) | undefined;
  private listening: { readonly to: Picture; readonly stop: () => void } | undefined;

  protected override onTheme(): void {
    this.drawn = undefined;
  }

  protected override updated(_changed: PropertyValues): void {
    this.listen();
    this.schedule();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.unlink = onHoveredToken(() => {
      if (this.picture?.tokens) this.schedule();
    });
    this.listen();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.unlink?.();
    this.listening?.stop();
    this.listening = undefined;
  }

  private listen(): void {
    const { picture } = this;
    if (this.listening?.to === picture) return;
    this.listening?.stop();
    this.listening = undefined;
    const stop = picture?.onChange?.(() => {
      this.drawn = undefined;
      this.schedule();
      if (this.cursor !== undefined) this.dispatchEvent(new CustomEvent('arrived', { bubbles: true }));
    });
    if (picture && stop) this.listening = { to: picture, stop };
  }

  override render() {
    const { picture } = this;
    const { movable } = picture ?? {};
    return html`<div
        class=${`picture-frame${movable ? ' movable' : ''}`}
        tabindex="0"
        role="application"
        aria-roledescription="picture"
        aria-label=${picture?.label ?? ''}
        title=${
          movable?.zoomed
            ? 'Drag or Shift+arrows to move · Ctrl+wheel or + − to zoom, 0 to fit'
            : picture?.between
              ? 'Ctrl+click, or Ctrl+arrows and Ctrl+Space: one more · Shift+click or Shift+arrows: all between'
              : this.toggles
                ? 'Arrow keys: another head · X: ablate (gain 0) or back to 1'
                : ''
        }
        @pointerdown=${(event: PointerEvent) => this.onDown(event)}
        @pointermove=${(event: PointerEvent) => this.onPointer(event)}
        @pointerup=${() => this.onUp()}
        @pointerleave=${() => this.hover(undefined)}
        @click=${(event: MouseEvent) => this.onClick(event)}
        @wheel=${(event: WheelEvent) => this.onWheel(event)}
        @keydown=${(event: KeyboardEvent) => this.onKey(event)}
        @focus=${(event: FocusEvent) => this.onFocusChange(event)}
        @blur=${(event: FocusEvent) => this.onFocusChange(event)}
      >
        <canvas aria-hidden="true"></canvas>
        <div class="picture-tip" aria-hidden="true"></div>
      </div>
      ${
        movable?.zoomed
          ? toolbar(
              'Zoom',
              html`${button({ label: 'Zoom in', icon: 'zoom-in', appearance: 'icon', hint: 'Zoom in (+)', onClick: () => this.zoom(zoomStep) })}
              ${button({ label: 'Zoom out', icon: 'zoom-out', appearance: 'icon', hint: 'Zoom out (−)', onClick: () => this.zoom(1 / zoomStep) })}
              ${button({ label: 'Whole picture', icon: 'screen-full', appearance: 'icon', hint: 'Whole picture (0)', onClick: () => this.fit() })}`,
            )
          : nothing
      }`;
  }

  /** The picture as it was last drawn, for tests. */
  get scene(): Drawn | undefined {
    return this.drawn?.drawn;
  }

  /** All of it is seen. */
  fit(): void {
    this.moveTo(undefined);
  }

  zoom(factor: number, point?: { readonly x: number; readonly y: number }): void {
    const { movable } = this.picture ?? {};
    if (movable?.zoomed) this.moveTo(movable.zoomed(this.place, factor, point));
  }

  pan(dx: number, dy: number): void {
    const { movable } = this.picture ?? {};
    if (movable) this.moveTo(movable.panned(this.place, dx, dy));
  }

  private moveTo(place: PicturePlace | undefined): void {
    this.place = place;
    this.schedule();
  }

  protected override drawNow(): void {
    const canvas = this.querySelector('canvas');
    const width = this.clientWidth;
    const { picture, place } = this;
    if (!canvas || !picture || width < 60) return;
    const began = performance.now();
    if (this.cursor !== undefined) picture.want?.(this.cursor);
    if (this.drawn?.picture !== picture || this.drawn.width !== width || this.drawn.place !== place) {
      this.drawn = { picture, width, place, drawn: picture.draw(width, this.theme, place) };
    }
    const { drawn } = this.drawn;
    const height = `${Math.ceil(drawn.height)}px`;
    if (canvas.style.height !== height) canvas.style.setProperty('height', height);
    if (canvas.style.width !== `${width}px`) canvas.style.setProperty('width', `${width}px`);
    const context = freshContext(canvas);
    if (!context) return;
    this.paintBase(canvas, drawn);
    context.save();
    context.resetTransform();
    if (this.base.width > 0 && this.base.height > 0) context.drawImage(this.base, 0, 0);
    context.restore();
    const mark = (at: string, kind: 'hover' | 'cursor'): void =>
      paintScene(context, { ...drawn, marks: drawn.over?.(at, kind) ?? this.outline(drawn.box(at), kind) });
    if (this.bands) paintScene(context, { ...drawn, marks: drawn.bands?.(this.bands) ?? [] });
    for (const at of this.chosen ?? []) if (at !== this.cursor) mark(at, 'cursor');
    for (const at of this.linked ?? []) mark(at, 'hover');
    const shared = picture.tokens && this.hovered === undefined ? markedFor(picture.tokens) : undefined;
    if (shared !== undefined) mark(shared, 'hover');
    if (this.passed !== undefined) mark(this.passed, 'hover');
    if (this.hovered !== undefined) mark(this.hovered, 'hover');
    if (this.cursor !== undefined) mark(this.cursor, 'cursor');
    this.tip(drawn);
    this.drawnIn = performance.now() - began;
  }

  private paintBase(canvas: HTMLCanvasElement, drawn: Drawn): void {
    const { base } = this;
    if (this.based === drawn && base.width === canvas.width && base.height === canvas.height) return;
    this.based = drawn;
    [base.width, base.height] = [canvas.width, canvas.height];
    const context = base.getContext('2d');
    const ratio = window.devicePixelRatio || 1;
    context?.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (context) paintScene(context, drawn);
  }

  /** Two lines, so that it is seen on every colour of the scale. */
  private outline(box: Box | undefined, kind: 'hover' | 'cursor'): readonly Mark[] {
    if (!box) return [];
    const least = 3;
    const { x, y, width, height } = {
      x: box.x - Math.max(0, least - box.width) / 2,
      y: box.y - Math.max(0, least - box.height) / 2,
      width: Math.max(least, box.width),
      height: Math.max(least, box.height),
    };
    const { background, foreground, focus } = this.theme;
    const outer = { kind: 'rect', x: x - 1.5, y: y - 1.5, width: width + 3, height: height + 3 } as const;
    return kind === 'hover'
      ? [{ ...outer, stroke: foreground, lineWidth: 1 }]
      : [
          { ...outer, stroke: background, lineWidth: 4 },
          { ...outer, stroke: focus, lineWidth: 2 },
        ];
  }

  private tip(drawn: Drawn): void {
    const at = this.hovered ?? this.linked?.[0] ?? (this.hasFocus ? this.cursor : undefined);
    const words = at === undefined || this.drag?.moved ? undefined : this.picture?.words(at);
    const lines = words && [words.title, words.value, words.definition ?? ''];
    this.showTip(
      at === undefined ? undefined : drawn.box(at),
      lines?.map((text) => shortened(text, longestLine)),
    );
  }

  private under(event: MouseEvent): string | undefined {
    const at = this.pointOf(event);
    return this.drawn?.drawn.hit(at.x, at.y);
  }

  private onDown(event: PointerEvent): void {
    if (!this.picture?.movable || event.button !== 0) return;
    this.dragged = false;
    this.drag = { x: event.clientX, y: event.clientY, moved: false };
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
  }

  private onPointer(event: PointerEvent): void {
    if (!this.drag) return this.hover(this.under(event));
    const [dx, dy] = [this.drag.x - event.clientX, this.drag.y - event.clientY];
    if (!this.drag.moved && Math.hypot(dx, dy) < 4) return;
    this.pan(dx, dy);
    this.drag = { x: event.clientX, y: event.clientY, moved: true };
  }

  private onUp(): void {
    // The click that ends a movement chooses nothing.
    this.dragged = this.drag?.moved === true;
    this.drag = undefined;
  }

  private hover(at: string | undefined): void {
    if (at === this.hovered) return;
    this.hovered = at;
    if (this.picture?.tokens) hoverToken(this.picture.tokens, at);
    this.dispatchEvent(new CustomEvent('hover', { detail: at ?? null, bubbles: true }));
    this.schedule();
  }

  private onClick(event: MouseEvent): void {
    const at = this.under(event);
    const { picture } = this;
    if (this.dragged) return;
    if (picture?.between && (event.ctrlKey || event.metaKey || event.shiftKey)) {
      if (at !== undefined) this.chooseAlso(at, event.shiftKey);
      return;
    }
    if (this.toggles && event.altKey) return this.toggle(at);
    this.choose(at === this.cursor && (this.chosen?.length ?? 0) < 2 ? undefined : at);
  }

  private toggle(at: string | undefined): void {
    if (at !== undefined) this.dispatchEvent(new CustomEvent('toggle', { detail: at, bubbles: true }));
  }

  /** One more cell or one less; `between`: all from the cursor to it. */
  private chooseAlso(at: string, between: boolean): void {
    const { picture, cursor, chosen = cursor === undefined ? [] : [cursor] } = this;
    if (!picture?.between) return;
    const others = chosen.filter((one) => one !== at);
    const isDropped = !between && others.length < chosen.length && others.length > 0;
    const way = between && cursor !== undefined ? picture.between(cursor, at).filter((one) => one !== at) : [];
    // The last one is where the next key goes on.
    const next = isDropped ? others : [...new Set([...others, ...way]), at];
    this.passed = undefined;
    const detail = { chosen: next, cursor: next.at(-1) ?? at };
    this.dispatchEvent(new CustomEvent<Choice>('choose', { detail, bubbles: true }));
  }

  private onWheel(event: WheelEvent): void {
    const { movable } = this.picture ?? {};
    if (!movable) return;
    if (movable.zoomed) {
      const focused = this.querySelector('.picture-frame') === focusedIn(this);
      if (!event.ctrlKey && !event.metaKey && !focused) return;
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 300), this.pointOf(event));
      return;
    }
    const before = this.place;
    this.pan(0, Math.sign(event.deltaY) * panStep);
    const same = (before?.row ?? 0) === (this.place?.row ?? 0);
    // At the end of the picture the page scrolls on.
    if (!same) event.preventDefault();
  }

  private onKey(event: KeyboardEvent): void {
    if (!this.picture || event.metaKey || event.altKey || !this.acts(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Whether the key means something here. */
  private acts({ key, shiftKey, ctrlKey }: KeyboardEvent): boolean {
    const { picture, cursor } = this;
    if (!picture) return false;
    const { movable } = picture;
    if (ctrlKey) {
      if (!picture.between || cursor === undefined) return false;
      if (movingKeys.includes(key)) return this.walk(key, 'past');
      if (key !== ' ') return false;
      this.chooseAlso(this.passed ?? cursor, false);
      return true;
    }
    if (shiftKey && movable && key.startsWith('Arrow')) {
      const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1] }[key] ?? [0, 1];
      this.pan((dx ?? 0) * panStep, (dy ?? 0) * panStep);
      return true;
    }
    if (movingKeys.includes(key)) return this.walk(key, shiftKey ? 'with' : 'to');
    if (movable?.zoomed && '+=-0'.includes(key) && key.length === 1) {
      if (key === '0') this.fit();
      else this.zoom(key === '-' ? 1 / zoomStep : zoomStep);
      return true;
    }
    if (cursor === undefined) return false;
    if (this.toggles && togglingKeys.includes(key)) {
      this.toggle(cursor);
      return true;
    }
    if (key === 'Enter' || key === ' ') {
      this.dispatchEvent(new CustomEvent('ask', { detail: cursor, bubbles: true }));
      return true;
    }
    if (key !== 'Escape') return false;
    this.choose(undefined);
    return true;
  }

  /** `with`: what lies on the way is chosen too; `past`: what is chosen stays so. */
  private walk(key: string, how: 'to' | 'with' | 'past'): boolean {
    const { picture } = this;
    const cursor = how === 'past' ? (this.passed ?? this.cursor) : this.cursor;
    if (!picture) return false;
    const known = cursor !== undefined && picture.words(cursor) !== undefined;
    const to = known ? picture.move(cursor, key) : picture.first();
    if (to === undefined) return false;
    this.hasFocus = true;
    if (this.place && picture.movable) this.moveTo(picture.movable.showing(this.place, to));
    if (how === 'with' && picture.between) this.chooseAlso(to, true);
    else if (how === 'past') {
      this.passed = to;
      this.schedule();
    } else this.choose(to);
    const words = picture.words(to);
    if (words) announce(shortened(`${words.title}, ${words.value}`, longestLine));
    return true;
  }

  private choose(cursor: string | undefined): void {
    this.passed = undefined;
    if (cursor === this.cursor && (this.chosen?.length ?? 0) < 2) return;
    this.dispatchEvent(new CustomEvent('cursor', { detail: cursor, bubbles: true }));
  }
}

customElements.define('hs-section-picture', SectionPicture);
