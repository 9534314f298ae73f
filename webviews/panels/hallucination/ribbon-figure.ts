/** The ribbon of a caption as markup of SVG, for export: the colours, lines and marks of the screen. */
import { cividis, css, inkOn } from '../../charts/colour-map';
import { escapeXml } from '../../charts/image';
import { colourOf, type Identity } from '../../charts/palette';
import { textWidth } from '../../charts/text-width';
import type { Caption, CaptionToken } from '../../../protocol/results/hallucination-schema';
import type { Theme } from '../../ui/theme';
import { runsOf, shadeOf, shades, verdictMarks, verdictOf, type Scale, type Verdict } from './ribbon-model';

export interface RibbonFigure {
  readonly parts: readonly string[];
  /** In pixels, all lines. */
  readonly height: number;
}

/** Tokens with their numbers, and the words that name an object. */
export interface Ribbon {
  readonly tokens: readonly Pick<CaptionToken, 'text' | 'tVhd'>[];
  readonly mentions: Caption['mentions'];
}

const rowHeight = 28;

const identity = (id: string, title: string, hue: number): Identity => ({
  id,
  title,
  name: title,
  code: title.charAt(0),
  hue,
  shape: 'square',
  dash: [],
});
const truthfulIdentity = identity('true', 'in the picture', 4);
const hallucinatedIdentity = identity('hallucinated', 'not in the picture', 1);

/** Drawn from (x, y) to the right and down, in lines at most `width` wide; a token is broken off before, never inside. */
export function ribbonFigure(
  caption: Ribbon,
  scale: Scale,
  place: { readonly x: number; readonly y: number; readonly width: number },
  theme: Theme,
): RibbonFigure {
  const size = theme.fontSize;
  const wide = (text: string): number => textWidth(text, size, { font: theme.font });
  const parts: string[] = [];
  let [left, top] = [place.x, place.y];
  const room = (needed: number): void => {
    if (left + needed <= place.x + place.width || left === place.x) return;
    left = place.x;
    top += rowHeight;
  };
  const text = (x: number, words: string, fill: string, weight = 400): string =>
    `<text x="${x}" y="${top + 17}" font-size="${size}" fill="${fill}" font-weight="${weight}">${escapeXml(words)}</text>`;
  for (const { from, to, mention } of runsOf(caption)) {
    const verdict = mention && verdictOf(mention);
    for (const token of caption.tokens.slice(from, to)) {
      const words = token.text === '' ? '∅' : token.text.replaceAll('\n', '↵');
      const inside = words.trimStart();
      const space = (words.length - inside.length) * 0.3 * size;
      // One pixel on each side: what is measured may be narrower than what is drawn.
      const needed = space + wide(inside) + 2;
      room(needed);
      const colour = cividis(shadeOf(scale, token.tVhd) / (shades - 1));
      parts.push(
        `<rect x="${left}" y="${top}" width="${needed}" height="22" fill="${css(colour)}"/>`,
        text(left + space + 1, inside, inkOn(colour)),
        ...(verdict ? underline(verdict, left, top + 24, needed, theme) : []),
      );
      left += needed;
    }
    if (verdict) {
      const needed = wide(verdictMarks[verdict]) + 6;
      room(needed);
      parts.push(text(left + 3, verdictMarks[verdict], inkOf(verdict, theme), 700));
      left += needed;
    }
  }
  return { parts, height: top - place.y + rowHeight };
}

const inkOf = (verdict: Verdict, { dark, muted }: Theme): string =>
  verdict === 'unjudged' ? muted : colourOf(verdict === 'true' ? truthfulIdentity : hallucinatedIdentity, dark);

/** One line under a word that is true, two under one that is not, dots under one that was not judged. */
function underline(verdict: Verdict, x: number, y: number, width: number, theme: Theme): readonly string[] {
  const line = (at: number): string =>
    `<line x1="${x}" x2="${x + width}" y1="${at}" y2="${at}" stroke="${inkOf(verdict, theme)}" stroke-width="1.5"${verdict === 'unjudged' ? ' stroke-dasharray="2 2"' : ''}/>`;
  return verdict === 'hallucinated' ? [line(y), line(y + 2.5)] : [line(y)];
}
