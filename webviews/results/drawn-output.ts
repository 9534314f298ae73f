/** A result drawn in a place of a page: it follows the width and the theme, copies, and saves files. */
import { html, render, type TemplateResult } from 'lit';
import { onThemeChange } from '../ui/theme';

/** Narrower than this, as in the panels. */
const compactWidth = 480;

export abstract class DrawnOutput {
  protected compact = false;
  protected problem = '';
  private readonly stops: readonly (() => void)[];

  constructor(private readonly place: HTMLElement) {
    const sizes = new ResizeObserver(() => {
      if (this.measure()) this.draw();
    });
    this.measure();
    sizes.observe(place);
    this.stops = [onThemeChange(() => this.draw()), () => sizes.disconnect()];
  }

  start(): this {
    this.draw();
    return this;
  }

  stop(): void {
    for (const stop of this.stops) stop();
    render(html``, this.place);
  }

  protected abstract page(): TemplateResult;

  protected draw(): void {
    render(this.page(), this.place);
  }

  protected readonly copy = (text: string): void =>
    void navigator.clipboard
      .writeText(text)
      .catch(() => this.say('The text was not copied. Click the output, then try again.'));

  /** VS Code asks where to: it takes over links to what a page has made, as browsers do. */
  protected async save(name: string, data: Promise<string | Uint8Array>): Promise<void> {
    try {
      const link = document.createElement('a');
      link.download = name;
      link.href = URL.createObjectURL(new Blob([(await data) as BlobPart]));
      document.body.append(link);
      link.click();
      link.remove();
    } catch (error) {
      this.say(error instanceof Error ? error.message : 'The export failed. Try SVG.');
    }
  }

  private say(sentence: string): void {
    this.problem = sentence;
    this.draw();
  }

  private measure(): boolean {
    const width = this.place.clientWidth;
    const compact = width > 0 && width < compactWidth;
    const changed = compact !== this.compact;
    this.compact = compact;
    return changed;
  }
}
