/**
 * An element that draws on a canvas: once a frame at most, again when its size or the theme changes. It lives in the page's
 * own tree, so that the panel's styles reach it.
 */
import { LitElement, type PropertyValues } from 'lit';
import { onThemeChange, readTheme, type Theme } from './theme';

/** What a tip is of, in the element's own pixels. */
type TipPlace = Pick<DOMRectReadOnly, 'x' | 'y' | 'width' | 'height'>;

export abstract class PictureElement extends LitElement {
  protected theme: Theme = readTheme();
  /** The keyboard is in it, and the person works by keys. */
  protected hasFocus = false;
  private frame = 0;
  private readonly resize = new ResizeObserver(() => this.schedule());
  private stopTheme: (() => void) | undefined;

  protected abstract drawNow(): void;

  /** The theme has been read anew; nothing is drawn in it yet. */
  protected onTheme(): void {
    // Most pictures keep nothing that is made of colours.
  }

  protected get canvas(): HTMLCanvasElement | null {
    return this.querySelector('canvas');
  }

  protected override updated(_changed: PropertyValues): void {
    this.schedule();
  }

  /** Draws with the next frame. */
  protected schedule(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.drawNow();
    });
  }

  /** `event`: `focus` or `blur`. */
  protected onFocusChange({ type, currentTarget }: FocusEvent): void {
    this.hasFocus = type === 'focus' && (currentTarget as HTMLElement).matches(':focus-visible');
    this.schedule();
  }

  protected pointOf(event: MouseEvent): { readonly x: number; readonly y: number } {
    const box = this.canvas?.getBoundingClientRect();
    return { x: event.clientX - (box?.left ?? 0), y: event.clientY - (box?.top ?? 0) };
  }

  /** Title, value and what more there is to say, below what they are of; above it where there is no room. */
  protected showTip(at: TipPlace | undefined, words: readonly string[] | undefined): void {
    const tip = this.querySelector<HTMLElement>('.picture-tip');
    tip?.classList.toggle('shown', at !== undefined && words !== undefined);
    if (!tip || !at || !words) return;
    const lines = words
      .filter((text) => text !== '')
      .map((text, index) => {
        const line = document.createElement('div');
        line.className = ['tip-title', 'tip-value', 'tip-definition'][index] ?? '';
        line.textContent = text;
        return line;
      });
    tip.replaceChildren(...lines);
    const room = this.clientWidth - tip.offsetWidth;
    const left = Math.max(0, Math.min(room, at.x + at.width / 2 - tip.offsetWidth / 2));
    const below = at.y + at.height + 6;
    const frame = this.getBoundingClientRect();
    const fits = frame.top + below + tip.offsetHeight < window.innerHeight || at.y - tip.offsetHeight < 6;
    tip.style.setProperty('left', `${left}px`);
    tip.style.setProperty('top', `${fits ? below : at.y - tip.offsetHeight - 6}px`);
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.resize.observe(this);
    this.stopTheme = onThemeChange(() => {
      this.theme = readTheme();
      this.onTheme();
      this.schedule();
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.resize.disconnect();
    this.stopTheme?.();
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }
}

/** The canvas as large as it stands on the page, in device pixels, cleared; undefined before it has a size. */
export function freshContext(canvas: HTMLCanvasElement | null): CanvasRenderingContext2D | undefined {
  const least = 60;
  if (!canvas || canvas.clientWidth < least) return undefined;
  const ratio = window.devicePixelRatio || 1;
  const [across, down] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (canvas.width !== across) canvas.width = across;
  if (canvas.height !== down) canvas.height = down;
  const context = canvas.getContext('2d');
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  context?.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  return context ?? undefined;
}
