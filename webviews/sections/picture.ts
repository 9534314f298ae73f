/**
 * A picture of cells (heads, pairs of tokens, patches, nodes): it is drawn on a canvas, a pointer or the arrow keys find the
 * value of a cell, a click or Enter chooses it.
 */
import { html, type PropertyValues } from 'lit';
import { announce } from '../ui/announce';
import { PictureElement, freshContext } from '../ui/picture-element';
import type { Theme } from '../ui/theme';
import type { Box, Mark, Scene } from './scene';
import { paintScene } from './scene-canvas';
import { shortened } from './words';

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
  /** Drawn over the scene for the chosen cell, instead of a frame about its box. */
  readonly over?: (cursor: string) => readonly Mark[];
}

export interface Picture {
  /** Read by a screen reader on the way in. */
  readonly label: string;
  readonly draw: (width: number, theme: Theme) => Drawn;
  /** Where the first arrow key lands. */
  readonly first: () => string | undefined;
  /** Where a key leads; undefined: it means nothing here. */
  readonly move: (cursor: string, key: string) => string | undefined;
  readonly words: (cursor: string) => CellWords | undefined;
}

/** Of the tip: titles and definitions come from elsewhere. */
const longestLine = 400;

const movingKeys = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp', 'PageDown'];

/** Events: `cursor` ({ detail: string, or null for none }) and `ask` ({ detail: string }). */
export class SectionPicture extends PictureElement {
  static override properties = { picture: { attribute: false }, cursor: { attribute: false } };
  declare picture: Picture | undefined;
  declare cursor: string | undefined;
  private drawn: { readonly picture: Picture; readonly width: number; readonly drawn: Drawn } | undefined;
  private hovered: string | undefined;
  private focused = false;

  protected override onTheme(): void {
    this.drawn = undefined;
  }

  protected override updated(_changed: PropertyValues): void {
    this.schedule();
  }

  override render() {
    return html`<div
      class="picture-frame"
      tabindex="0"
      role="application"
      aria-roledescription="picture"
      aria-label=${this.picture?.label ?? ''}
      @pointermove=${(event: PointerEvent) => this.onPointer(event)}
      @pointerleave=${() => this.hover(undefined)}
      @click=${(event: MouseEvent) => this.onClick(event)}
      @keydown=${(event: KeyboardEvent) => this.onKey(event)}
      @focus=${(event: FocusEvent) => this.onFocus((event.currentTarget as HTMLElement).matches(':focus-visible'))}
      @blur=${() => this.onFocus(false)}
    >
      <canvas aria-hidden="true"></canvas>
      <div class="picture-tip" aria-hidden="true"></div>
    </div>`;
  }

  /** The picture as it was last drawn, for tests. */
  get scene(): Drawn | undefined {
    return this.drawn?.drawn;
  }

  protected override drawNow(): void {
    const canvas = this.querySelector('canvas');
    const width = this.clientWidth;
    if (!canvas || !this.picture || width < 60) return;
    if (this.drawn?.picture !== this.picture || this.drawn.width !== width) {
      this.drawn = { picture: this.picture, width, drawn: this.picture.draw(width, this.theme) };
    }
    const { drawn } = this.drawn;
    const height = `${Math.ceil(drawn.height)}px`;
    if (canvas.style.height !== height) canvas.style.setProperty('height', height);
    if (canvas.style.width !== `${width}px`) canvas.style.setProperty('width', `${width}px`);
    const context = freshContext(canvas);
    if (!context) return;
    paintScene(context, drawn);
    for (const [at, kind] of [
      [this.hovered, 'hover'],
      [this.cursor, 'cursor'],
    ] as const) {
      if (at === undefined) continue;
      paintScene(context, { ...drawn, marks: drawn.over?.(at) ?? this.outline(drawn.box(at), kind) });
    }
    this.showTip(drawn);
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

  private showTip(drawn: Drawn): void {
    const tip = this.querySelector<HTMLElement>('.picture-tip');
    const at = this.hovered ?? (this.focused ? this.cursor : undefined);
    const words = at === undefined ? undefined : this.picture?.words(at);
    const box = at === undefined ? undefined : drawn.box(at);
    if (!tip) return;
    tip.classList.toggle('shown', words !== undefined && box !== undefined);
    if (!words || !box) return;
    const line = (className: string, text: string): HTMLElement => {
      const element = document.createElement('div');
      element.className = className;
      element.textContent = shortened(text, longestLine);
      return element;
    };
    tip.replaceChildren(
      line('tip-title', words.title),
      line('tip-value', words.value),
      ...(words.definition ? [line('tip-definition', words.definition)] : []),
    );
    const room = this.clientWidth - tip.offsetWidth;
    const left = Math.max(0, Math.min(room, box.x + box.width / 2 - tip.offsetWidth / 2));
    const frame = this.getBoundingClientRect();
    const below = box.y + box.height + 6;
    const fits = frame.top + below + tip.offsetHeight < window.innerHeight || box.y - tip.offsetHeight < 6;
    tip.style.setProperty('left', `${left}px`);
    tip.style.setProperty('top', `${fits ? below : box.y - tip.offsetHeight - 6}px`);
  }

  private under(event: MouseEvent): string | undefined {
    const box = this.querySelector('canvas')?.getBoundingClientRect();
    return box ? this.drawn?.drawn.hit(event.clientX - box.left, event.clientY - box.top) : undefined;
  }

  private onPointer(event: PointerEvent): void {
    this.hover(this.under(event));
  }

  private hover(at: string | undefined): void {
    if (at === this.hovered) return;
    this.hovered = at;
    this.schedule();
  }

  private onFocus(focused: boolean): void {
    this.focused = focused;
    this.schedule();
  }

  private onClick(event: MouseEvent): void {
    const at = this.under(event);
    this.choose(at === this.cursor ? undefined : at);
  }

  private onKey(event: KeyboardEvent): void {
    const { picture, cursor } = this;
    if (!picture || event.ctrlKey || event.metaKey || event.altKey) return;
    if (movingKeys.includes(event.key)) {
      const known = cursor !== undefined && picture.words(cursor) !== undefined;
      const to = known ? picture.move(cursor, event.key) : picture.first();
      if (to === undefined) return;
      event.preventDefault();
      this.focused = true;
      this.choose(to);
      const words = picture.words(to);
      if (words) announce(shortened(`${words.title}, ${words.value}`, longestLine));
    } else if ((event.key === 'Enter' || event.key === ' ') && cursor !== undefined) {
      event.preventDefault();
      this.dispatchEvent(new CustomEvent('ask', { detail: cursor, bubbles: true }));
    } else if (event.key === 'Escape' && cursor !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      this.choose(undefined);
    }
  }

  private choose(cursor: string | undefined): void {
    if (cursor !== this.cursor) this.dispatchEvent(new CustomEvent('cursor', { detail: cursor, bubbles: true }));
  }
}

customElements.define('hs-section-picture', SectionPicture);
