/** Where a file names one of its parts: for faults that no stack leads to. */

/** The first of `names` that begins a property, a function or a constant of the text, from 1; else the first line. */
export function placeOfName(
  source: string,
  names: readonly string[],
): { readonly line: number; readonly column?: number } {
  const lines = source.split('\n');
  for (const name of names) {
    const pattern =
      name === 'default' ? /\bexport default\b/u : new RegExp(`(?:^|[\\s,{.*])(${name})\\b\\s*[:(<=]`, 'u');
    const line = lines.findIndex((text) => !/^\s*(?:\/\/|\*|\/\*)/u.test(text) && pattern.test(text));
    if (line >= 0)
      return { line: line + 1, column: Math.max(0, lines[line]!.indexOf(name === 'default' ? 'export' : name)) + 1 };
  }
  return { line: 1 };
}
