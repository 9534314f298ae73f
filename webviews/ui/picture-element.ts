/**
 * An element that draws on a canvas: once a frame at most, again when its size or the theme changes. It lives in the page's
 * own tree, so that the panel's styles reach it.
 */
import { LitElement, type PropertyValues } from 'lit';
import { onThemeChange, readTheme, type Theme } from './theme';

export abstract class PictureElement extends LitElement {
  protected theme: Theme = readTheme();
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
