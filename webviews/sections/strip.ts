/** Tokens with the weights that a query gives them: on the page, in words, and in pictures. */
import { html, type TemplateResult } from 'lit';
import type { Reading, StripPart, StripToken } from '../../protocol/sections/reading';
import { tokenInText } from '../../protocol/sections/reading';
import { listed } from '../../protocol/wire/listed';
import { quotedToken } from '../../protocol/wire/token-name';
import { css, mix, parseColour } from '../charts/colour-map';
import { textWidth } from '../charts/text-width';
import { significant } from '../ui/numbers';
import type { Theme } from '../ui/theme';
import { fitted, textMark } from './legend';
import type { Mark } from './scene';

/** Steps of shade from a weight of 0 to 1; each is a class of its own, since the page allows no style in its elements. */
export const shadeSteps = 20;
/** The share of the colour at a weight of 1: text stays readable on it. */
export const fullShade = 0.6;

const stepOf = (weight: number): number => Math.round(Math.min(1, Math.max(0, weight)) * shadeSteps);

export const strip = (parts: readonly StripPart[], others: string): TemplateResult =>
  html`<span class="token-strip" title=${others}
    >${parts.map((part, at) => (part === 'gap' ? gapWords(at, parts.length) : token(part)))}</span
  >`;

const gapWords = (at: number, of: number): string => (at === 0 || at === of - 1 ? '…' : ' … ');

function token(part: StripToken): TemplateResult | string {
  const { weight, is } = part;
  const text = tokenInText(part.token);
  if (weight === undefined && is === undefined) return text;
  const shade = weight === undefined ? '' : `shade-${stepOf(weight)}`;
  return html`<span class="token ${shade} ${is ?? ''}" title=${tokenWords(part)}>${text}</span>`;
}

function tokenWords({ token: text, row, weight, is }: StripToken): string {
  const read = weight === undefined ? [] : [`weight ${significant(weight)}`];
  return [`${is === undefined ? 'token' : is} ${row}, ${quotedToken(text)}`, ...read].join(': ');
}

/** What stands for all tokens of the text without a weight of their own. */
export const othersWords = ({ weights }: Reading): string =>
  weights.length === 0 ? '' : `every other token at most ${significant(Math.min(...weights))}`;

/** `"␣b" reads "␣a" (0.61) and "x" (0.2), every other token at most 0.2`. */
export function readingWords(tokens: readonly string[], cell: Reading): string {
  const { query, keys, weights } = cell;
  const name = (row: number): string => quotedToken(tokens[row] ?? '');
  const read = keys.map((key, at) => `${key === query ? 'itself' : name(key)} (${significant(weights[at] ?? 0)})`);
  return `${name(query)} reads ${listed(read)}${read.length > 0 ? `, ${othersWords(cell)}` : 'no token'}`;
}

/** What shades, outline and underline are, beside the table. */
const swatches = [0, 0.25, 0.5, 0.75, 1].map((weight) => html`<span class="token shade-${stepOf(weight)}"> </span>`);
export const shadeScale: TemplateResult = html`<p class="token-strip shade-scale muted">
  weight 0 ${swatches} 1, <span class="token key">key</span> <span class="token query">query</span>
</p>`;

const colourOf = ({ dark }: Theme) => parseColour(dark ? '#3794ff' : '#1a85ff');

/** Lines of tokens in a picture, from (x, y) on; `height`: what they take. */
export function stripMarks(
  parts: readonly StripPart[],
  { x: left, y: top, width, size, line }: Record<'x' | 'y' | 'width' | 'size' | 'line', number>,
  theme: Theme,
): { readonly marks: readonly Mark[]; readonly height: number } {
  const marks: Mark[] = [];
  let [x, y] = [0, 0];
  for (const [at, part] of parts.entries()) {
    const text = fitted(
      part === 'gap' ? gapWords(at, parts.length) : tokenInText(part.token),
      width - 4,
      size,
      theme.editorFont,
    );
    const wide = textWidth(text, size, { font: theme.editorFont }) + 2;
    if (x > 0 && x + wide > width) [x, y] = [0, y + line];
    const box = { x: left + x, y: top + y + 2, width: wide, height: line - 4 };
    const { weight, is } = part === 'gap' ? {} : part;
    if (weight !== undefined) {
      const shade = mix(parseColour(theme.background), colourOf(theme), weight * fullShade);
      marks.push({ kind: 'rect', ...box, fill: css(shade) });
    }
    if (is === 'key') marks.push({ kind: 'rect', ...box, stroke: theme.foreground, lineWidth: 1 });
    if (is === 'query')
      marks.push({ kind: 'rect', ...box, y: box.y + box.height - 1, height: 1.5, fill: theme.foreground });
    marks.push(
      textMark(text, box.x + 1, top + y + line - 5, theme, { size, font: theme.editorFont, fill: theme.foreground }),
    );
    x += wide;
  }
  return { marks, height: y + line };
}
