/** Named sets of token positions in their written form: `needle=3-9; two keys=12,15`. A semicolon inside a name is `\;`. */
import { rangeOf, rangeText, type Range } from '../schema/written-form';

/** A named set of token positions. */
export interface NamedKeys {
  readonly name: string;
  readonly positions: readonly number[];
}

/** `name=FROM-TO,…`, both counted; undefined for what is no such set. */
export function namedKeysOf(text: string): NamedKeys | undefined {
  const parts = /^\s*([^=]*[^=\s])\s*=(.*)$/s.exec(text);
  const ranges = parts?.[2]?.split(',').map(rangeOf) ?? [];
  if (!parts || !ranges.every((range) => range !== undefined)) return undefined;
  return {
    name: parts[1] ?? '',
    positions: ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, at) => start + at)),
  };
}

/** The sets of a text, or the part that is none. */
export function namedKeysIn(text: string): readonly NamedKeys[] | { readonly fault: string } {
  const sets: NamedKeys[] = [];
  for (const part of text.split(/(?<!\\);/)) {
    if (part.trim() === '') continue;
    const set = namedKeysOf(part.replaceAll('\\;', ';'));
    if (!set) return { fault: part.trim() };
    sets.push(set);
  }
  return sets;
}

export const namedKeysText = (sets: readonly NamedKeys[]): string =>
  sets
    .map(({ name, positions }) => `${name.replaceAll(';', '\\;')}=${rangesOf(positions).map(rangeText).join()}`)
    .join('; ');

function rangesOf(positions: readonly number[]): readonly Range[] {
  const ranges: { start: number; end: number }[] = [];
  for (const position of positions) {
    const last = ranges.at(-1);
    if (last?.end === position) last.end += 1;
    else ranges.push({ start: position, end: position + 1 });
  }
  return ranges;
}
