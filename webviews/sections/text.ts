import { html } from 'lit';
import type { TextSection } from '../../protocol/sections/text';
import { wrap } from '../charts/image';
import { textMark } from './legend';
import type { Mark, Scene } from './scene';
import { twinColumn, type PageKind } from './section-kind';
import type { Theme } from '../ui/theme';

const longest = 20_000;

export const textKind: PageKind<TextSection> = {
  drawn: 'page',
  isTwin: true,
  isEmpty: ({ paragraphs }) => paragraphs.length === 0,
  body: ({ section }) =>
    html`<div class="section-text">${section.paragraphs.map((text) => html`<p>${text.slice(0, longest)}</p>`)}</div>`,
  twin: ({ paragraphs }) => ({
    columns: [twinColumn(0, 'paragraph', 'Paragraph')],
    rows: paragraphs.map((text) => [text]),
  }),
  scene: ({ paragraphs }, theme, width) => wrappedScene(paragraphs, theme, width),
};

/** Paragraphs, broken into lines of the width. */
export function wrappedScene(
  paragraphs: readonly string[],
  theme: Theme,
  width: number,
  fill = theme.foreground,
): Scene {
  const size = theme.fontSize;
  const marks: Mark[] = [];
  let y = 0;
  for (const text of paragraphs) {
    for (const line of wrap(text.slice(0, 4000), width, size, theme)) {
      y += size + 5;
      marks.push(textMark(line, 0, y - 5, theme, { size, fill }));
    }
    y += 6;
  }
  return { width, height: y, marks };
}
