/** What Markdown comes to in VS Code: marked in GitHub's flavour, as its hovers use it. */
import { marked } from 'marked';

export interface Rendered {
  readonly html: string;
  /** What a person reads; cells of a table with bars between them. */
  readonly text: string;
}

export const rendered = (source: string): Rendered => {
  const html = marked.parse(source, { async: false, gfm: true });
  const text = html
    .replace(/<tr>\s*/g, '| ')
    .replace(/<\/t[hd]>\s*/g, ' | ')
    .replace(/<[^>]*>/g, '')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, '&');
  return { html, text };
};
