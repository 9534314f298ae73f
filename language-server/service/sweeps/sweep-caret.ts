/** Where the caret is in a sweep, by indentation and brackets, because a text that is being typed is seldom valid YAML. */
import type { Span } from '../json-document';

export interface SweepCaret {
  /** Keys that lead to the place. Entries of lists add none. */
  readonly path: readonly string[];
  /** A key is written, and no value. */
  readonly atKey: boolean;
  /** What has been written of it. */
  readonly word: Span;
  /** Keys of the same object, by the lines around. */
  readonly present: ReadonlySet<string>;
}

interface Line {
  readonly indent: number;
  /** Without the indent and the dashes of lists. */
  readonly text: string;
  /** Where `text` begins in the line. */
  readonly at: number;
}

const keyOf = (text: string): string | undefined =>
  /^(?:"([^"]+)"|'([^']+)'|([^\s:#{}[\],"'][^:#{}[\],]*?))\s*:(?=\s|$)/u
    .exec(text)
    ?.slice(1)
    .find((name) => name !== undefined);

function lineOf(text: string): Line | undefined {
  const [dashes = ''] = /^\s*(?:- +)*/u.exec(text) ?? [];
  const rest = text.slice(dashes.length);
  return rest.trim() === '' || rest.startsWith('#')
    ? undefined
    : { indent: dashes.length, text: rest, at: dashes.length };
}

export function sweepCaretAt(text: string, offset: number): SweepCaret {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const before = text.slice(start, offset);
  const lines = text.split('\n');
  const row = text.slice(0, start).split('\n').length - 1;
  const [dashes = ''] = /^\s*(?:-(?: +|$))*/u.exec(before) ?? [];
  const inBrackets = flowAt(before.slice(dashes.length));
  const above = pathAbove(lines, row, dashes.length);
  const own = keyOf(lineOf(before)?.text ?? '');
  const word = wordBefore(text, offset);
  if (inBrackets) {
    const path = [...above, ...(own === undefined ? [] : [own]), ...inBrackets.keys];
    return { path, atKey: inBrackets.atKey, word, present: inBrackets.present };
  }
  if (own !== undefined) return { path: [...above, own], atKey: false, word, present: new Set() };
  const parent = above.at(-1);
  // `model:` and, on the next line, `- a`: entries of a list of values.
  const isEntry = /-\s*$/u.test(dashes) && above.length > 1 && parent !== undefined && above[0] === 'matrix';
  return { path: above, atKey: !isEntry, word, present: siblings(lines, row, dashes.length) };
}

/** Keys of the lines above, each further to the left than the one below it. */
function pathAbove(lines: readonly string[], row: number, indent: number): readonly string[] {
  const path: string[] = [];
  let left = indent;
  for (let at = row - 1; at >= 0 && left > 0; at--) {
    const line = lineOf(lines[at] ?? '');
    if (line === undefined || line.indent >= left) continue;
    const key = keyOf(line.text);
    if (key !== undefined) path.unshift(key);
    left = line.indent;
  }
  return path;
}

function siblings(lines: readonly string[], row: number, indent: number): ReadonlySet<string> {
  const found = new Set<string>();
  for (const step of [-1, 1]) {
    for (let at = row + step; at >= 0 && at < lines.length; at += step) {
      const line = lineOf(lines[at] ?? '');
      if (line === undefined || line.indent > indent) continue;
      if (line.indent < indent) break;
      const key = keyOf(line.text);
      if (key !== undefined) found.add(key);
      // The entry of a list begins here.
      if (step < 0 && /^\s*-/u.test(lines[at] ?? '')) break;
    }
  }
  return found;
}

/** Inside of `{` or `[` of one line; undefined outside. */
function flowAt(
  text: string,
): { readonly keys: readonly string[]; readonly atKey: boolean; readonly present: ReadonlySet<string> } | undefined {
  const open: { readonly kind: '{' | '['; key: string | undefined; readonly present: Set<string>; from: number }[] = [];
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] ?? '';
    const inner = open.at(-1);
    if (quote !== '') {
      if (letter === quote) quote = '';
    } else if (letter === '"' || letter === "'") quote = letter;
    else if (letter === '{' || letter === '[')
      open.push({ kind: letter, key: undefined, present: new Set(), from: at + 1 });
    else if (letter === '}' || letter === ']') open.pop();
    else if (inner && letter === ',') {
      inner.key = undefined;
      inner.from = at + 1;
    } else if (inner?.kind === '{' && letter === ':' && inner.key === undefined) {
      inner.key = text
        .slice(inner.from, at)
        .trim()
        .replace(/^["']|["']$/gu, '');
      inner.present.add(inner.key);
    }
  }
  const last = open.at(-1);
  if (!last) return undefined;
  return {
    keys: open.flatMap(({ key }) => (key === undefined ? [] : [key])),
    atKey: last.kind === '{' && last.key === undefined,
    present: last.present,
  };
}

function wordBefore(text: string, offset: number): Span {
  const [word = ''] = /[\w./+-]*$/u.exec(text.slice(0, offset)) ?? [];
  return { offset: offset - word.length, length: word.length };
}
