/** A picture that leaves a panel, put together from the top down: the finding, pictures and lines, and what made them. */
import { escapeXml } from '../../protocol/wire/escape-xml';
import type { Theme } from '../ui/theme';
import { wrap, type Figure } from './image';
import { colourOf, shapes, type Identity } from './palette';
import { textWidth } from './text-width';

export const margin = 20;

interface LineLook {
  readonly size?: number;
  readonly weight?: number;
  readonly muted?: boolean;
}

export class Sheet {
  readonly parts: string[] = [];
  /** What can be drawn on between the margins. */
  readonly inner: number;
  y = margin;

  constructor(
    readonly theme: Theme,
    readonly width = 1000,
  ) {
    this.inner = width - 2 * margin;
  }

  text(x: number, y: number, words: string, attributes: string): void {
    this.parts.push(`<text x="${x}" y="${y}" ${attributes}>${escapeXml(words)}</text>`);
  }

  /** Words over as many lines as they need. */
  line(words: string, { size = this.theme.fontSize, weight = 400, muted = false }: LineLook = {}): void {
    const fill = muted ? this.theme.muted : this.theme.foreground;
    for (const piece of wrap(words, this.inner, size, { font: this.theme.font, weight })) {
      this.y += Math.round(size * 1.4);
      this.text(margin, this.y, piece, `font-size="${size}" font-weight="${weight}" fill="${fill}"`);
    }
    this.y += muted ? 2 : 4;
  }

  small(words: string, muted = false): void {
    this.line(words, { size: this.theme.fontSize - 2, muted });
  }

  /** A canvas as a data URI: a file that needs nothing else. */
  canvas(canvas: HTMLCanvasElement, width: number, height: number, x = margin, y = this.y): void {
    this.parts.push(
      `<image x="${x}" y="${y}" width="${width}" height="${height}" href="${canvas.toDataURL('image/png')}"/>`,
    );
  }

  /** Shapes with their letters and names, in as many rows as they need. */
  legend(entries: readonly { readonly identity: Identity; readonly words: string }[]): void {
    if (entries.length === 0) return;
    const size = this.theme.fontSize - 1;
    let x = margin;
    let y = this.y + 12;
    for (const { identity, words } of entries) {
      const width = 16 + textWidth(words, size) * 1.08 + 20;
      if (x + width > margin + this.inner && x > margin) [x, y] = [margin, y + size + 8];
      this.parts.push(
        `<g transform="translate(${x} ${y - 9})"><path transform="scale(0.625)" d="${shapes[identity.shape]}" fill="${colourOf(identity, this.theme.dark)}"/></g>`,
      );
      this.text(x + 16, y, words, `font-size="${size}" fill="${this.theme.foreground}"`);
      x += width;
    }
    this.y = y + 12;
  }

  /** Low end, colours and high end under a name. */
  scale(title: string, stops: readonly string[], low: string, high: string): void {
    const { theme, y } = this;
    const look = `font-size="${theme.fontSize - 1}" fill="${theme.foreground}"`;
    this.text(margin, y + 10, title, look);
    this.text(margin, y + 27, low, look);
    stops.forEach((colour, at) =>
      this.parts.push(`<rect x="${margin + 60 + at * 12}" y="${y + 18}" width="12.5" height="10" fill="${colour}"/>`),
    );
    this.text(margin + 66 + stops.length * 12, y + 27, high, look);
    this.y = y + 36;
  }

  figure(title: string, metadata: unknown): Figure {
    const height = Math.ceil(this.y + margin);
    const { theme, width } = this;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${escapeXml(theme.font)}" role="img">
<title>${escapeXml(title)}</title>
<metadata>${escapeXml(JSON.stringify(metadata))}</metadata>
<rect width="100%" height="100%" fill="${theme.background}"/>
${this.parts.join('\n')}
</svg>`;
    return { svg, width, height };
  }
}
