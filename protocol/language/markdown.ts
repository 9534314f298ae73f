/**
 * Markdown that may hold words of files. A model's config is anyone's text: a picture in it would be fetched from its server
 * when someone hovers, and a link could run a command. So the tag `formatted` is the only way to make Markdown, and it escapes
 * everything that is put in.
 */

/** Characters shown of one value; a config may hold megabytes in one string. */
const mostShown = 1000;

class Source {
  // Makes the type nominal: an object with a `source` is no Markdown.
  private readonly made = true;

  constructor(readonly source: string) {}

  static is(value: unknown): value is Source {
    return value instanceof Source && value.made;
  }
}

/** Made in this file alone, by `formatted`, `code` and `joined`. */
export type Markdown = Source;

/** Controls, halves of characters, and marks that turn the direction of writing: they show nothing and hide what is there. */
const unseen = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** One line of at most `mostShown` characters, without what cannot be seen. */
const plain = (text: string): string => {
  const line = text
    .slice(0, mostShown)
    .replace(/[\s\u2028\u2029]+/g, ' ')
    .replace(unseen, '\ufffd');
  return text.length > mostShown ? `${line}…` : line;
};

/**
 * A text that Markdown shows as it is. Escaped is every mark of CommonMark and of GitHub's tables, and with them `$` of
 * VS Code's icons; addresses are taken apart, because GitHub's flavour makes links of bare ones.
 */
const escapeMarkdown = (text: string): string =>
  plain(text)
    .replace(/[\\`*_{}[\]()#+\-!~|<>&$@^=]/g, '\\$&')
    .replace(/:\/\//g, '\\://')
    .replace(/(www)\./gi, '$1\\.')
    // A number with a point, or a space, would begin a list or a block of code at the start of a line.
    .replace(/^(\s*\d+)\./, '$1\\.')
    .replace(/^ +/, '');

/** A text as code: the fence is longer than any run of backticks in it. */
export const code = (text: string): Markdown => {
  const shown = plain(text);
  // A bar ends the cell of a table even in code, and escaped it shows its backslash outside of one.
  if (shown.includes('|')) return new Source(escapeMarkdown(text));
  const runs = shown.match(/`+/g) ?? [];
  const fence = '`'.repeat(1 + Math.max(0, ...runs.map(({ length }) => length)));
  const pad = runs.length > 0 || shown.trim() === '' ? ' ' : '';
  return new Source(`${fence}${pad}${shown}${pad}${fence}`);
};

/** Markdown as written in the template; texts put in are escaped, Markdown put in stays. Not `markdown`: Prettier rewrites what that tag marks. */
export const formatted = (parts: TemplateStringsArray, ...values: readonly (string | number | Markdown)[]): Markdown =>
  new Source(
    parts.reduce((source, part, index) => {
      const value = values[index - 1];
      return `${source}${Source.is(value) ? value.source : escapeMarkdown(String(value))}${part}`;
    }),
  );

/** Pieces in a row. Blank lines part paragraphs, single breaks the rows of a table. */
export const joined = (pieces: readonly Markdown[], between: '\n\n' | '\n' | ' | ' | ', '): Markdown =>
  new Source(pieces.map(({ source }) => source).join(between));
