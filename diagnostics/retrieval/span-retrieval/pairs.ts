/**
 * The pairs of texts that are looked for: a person's file, or countries and their capitals. A file has one JSON list a line, of two texts
 * that belong together; each may be a list of token ids.
 */
import { check, type Schema } from '../../../protocol/schema/check';
import { either, filledText, list, pair, whole } from '../../../protocol/schema/fields';
import { parseJsonText } from '../../../protocol/wire/json-text';
import { refusal } from '../../../protocol/wire/failures';
import { relations } from '../../tasks/facts';

/** A text, or token ids that stand for themselves. */
export type Piece = string | readonly number[];
export type Pair = readonly [first: Piece, second: Piece];

export interface Pairs {
  readonly pairs: readonly Pair[];
  /** Lines that were left out, and why. */
  readonly notes: readonly string[];
}

/** With fewer pairs an interval says nothing, and two centred texts of one side are always opposite. */
export const leastPairs = 4;

const piece: Schema<Piece> = either(
  filledText,
  list(whole, 'a list of token ids', { least: 1 }),
  'a non-empty text, or a list of token ids',
);
const line: Schema<Pair> = pair(piece, piece, 'a list of two texts');

/** The two texts of a pair share neither the country nor the city; what relates them has to come from the model. */
export const capitalPairs: readonly Pair[] = relations.capital.facts.map(([country, city]) => [
  `Last summer we travelled through ${country}`,
  `The streets and houses of ${city}`,
]);

/** A text that stands in two pairs of a side has no single partner: later ones are left out. */
export function ownPairs(path: string, content: string): Pairs {
  const notes: string[] = [];
  const pairs: Pair[] = [];
  const known = [new Set<string>(), new Set<string>()] as const;
  for (const [at, text] of content.split(/\r?\n/u).entries()) {
    if (text.trim() === '') continue;
    const read = pairOf(text);
    const twice = typeof read !== 'string' && read.findIndex((one, side) => known[side]?.has(JSON.stringify(one)));
    if (typeof read === 'string') notes.push(`Line ${at + 1} is left out: ${read}`);
    else if (twice !== -1) {
      notes.push(`Line ${at + 1} is left out: its ${twice === 0 ? 'first' : 'second'} text stands in an earlier pair.`);
    } else {
      read.forEach((one, side) => known[side]?.add(JSON.stringify(one)));
      pairs.push(read);
    }
  }
  if (pairs.length >= leastPairs) return { pairs, notes };
  throw refusal(
    `${path} has ${pairs.length} pairs that can be used, and ${leastPairs} are needed. ${notes[0] ?? 'Write one a line: ["a text", "its partner"].'}`,
  );
}

/** A pair, or what is wrong. */
function pairOf(text: string): Pair | string {
  const parsed = parseJsonText(text);
  if (!parsed.ok) return `it is not valid JSON (${parsed.fault}).`;
  const checked = check(line, parsed.value, 'it');
  return checked.ok ? checked.result : checked.why;
}

export const nameOf = (one: Piece): string => (typeof one === 'string' ? one : one.map((id) => `#${id}`).join(' '));
