/**
 * What a chat template (Jinja) writes as it stands: the text outside of its commands, and the strings that expressions put
 * out. The template is cut into pieces and never run.
 */

/** Characters of a template that are looked at; the longest published ones have some 25,000. */
const longestTemplate = 256 * 1024;
/** Characters before a string that say what it is for. */
const nearby = 160;

interface Command {
  readonly end: number;
  /** Strings with their quotes, from and to. */
  readonly strings: readonly (readonly [from: number, to: number])[];
}

/** Reads from behind `{{` or `{%` to the end; strings may hold brackets of their own. */
const readCommand = (template: string, start: number, closing: string): Command => {
  const strings: [number, number][] = [];
  let opened = -1;
  let at = start;
  for (; at < template.length; at += 1) {
    const char = template.charAt(at);
    if (opened >= 0) {
      if (char === '\\') at += 1;
      else if (char === template.charAt(opened)) {
        strings.push([opened, at + 1]);
        opened = -1;
      }
    } else if (char === '"' || char === "'") opened = at;
    else if (char === closing.charAt(0) && template.startsWith(closing, at)) break;
  }
  return { end: Math.min(at, template.length), strings };
};

/** True of a string that something is compared with, looked for or cut at; it is not written. */
const isSought = (before: string, after: string): boolean =>
  /(==|!=|\bin|(split|strip|replace|startswith|endswith|find|count|index)\s*\()$/.test(before) ||
  /\bin\s*[[(][^\])]*$/.test(before) ||
  /^(==|!=|in\b|not\s+in\b)/.test(after);

const stringsOf = (template: string, start: number, { end, strings }: Command): readonly string[] => {
  const command = template.slice(start, end);
  if (/^[-+]?\s*(if|elif|for|macro|call|filter)\b/.test(command) || command.includes('raise_exception')) return [];
  return strings
    .filter(
      ([from, to]) =>
        !isSought(
          template.slice(Math.max(start, from - nearby), from).trimEnd(),
          template.slice(to, Math.min(end, to + nearby)).trimStart(),
        ),
    )
    .map(([from, to]) => template.slice(from + 1, to - 1));
};

export const writtenText = (whole: string): readonly string[] => {
  const template = whole.slice(0, longestTemplate);
  const written: string[] = [];
  const opening = /\{[{%#]/g;
  for (let at = 0; at < template.length;) {
    opening.lastIndex = at;
    const start = opening.exec(template)?.index ?? template.length;
    if (start > at) written.push(template.slice(at, start));
    const inside = start + 2;
    if (template.charAt(start + 1) === '#') {
      const end = template.indexOf('#}', inside);
      at = end === -1 ? template.length : end + 2;
    } else {
      const command = readCommand(template, inside, template.charAt(start + 1) === '{' ? '}}' : '%}');
      written.push(...stringsOf(template, inside, command));
      at = command.end + 2;
    }
  }
  return written;
};
