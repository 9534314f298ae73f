/** What one query of a text reads: a cell of a table, drawn as a strip of tokens and written as a line of text. */
import type { Output } from '../schema/check';
import { ensure, figure, list, object, whole } from '../schema/fields';
import { shownToken } from '../wire/token-name';
import { place } from './section-base';

/** Tokens of which a cell knows the weight. */
const mostRead = 64;

export const reading = ensure(
  object({
    of: place,
    /** Place in the texts of the table. */
    text: whole,
    /** Rows of the text: the query, and the key that the row is about. */
    query: whole,
    key: whole,
    /** The keys that the query reads most, and p(query, key) of each. */
    keys: list(whole, 'a list of rows', { most: mostRead }),
    weights: list(figure, 'a list of weights', { most: mostRead }),
  }),
  ({ keys, weights }) => keys.length === weights.length,
  'a reading with one weight for each key',
);
export type Reading = Output<typeof reading>;

/** A token of a strip. */
export interface StripToken {
  readonly row: number;
  readonly token: string;
  /** Undefined where the weight is not known. */
  readonly weight: number | undefined;
  readonly is: 'query' | 'key' | undefined;
}

/** Tokens that follow each other, or a gap. */
export type StripPart = StripToken | 'gap';

/**
 * The tokens around key and query, at most `around` on each side of either; where these two are further apart than that, what lies
 * between is a gap.
 */
function stripOf(
  tokens: readonly string[],
  { query, key, keys, weights }: Pick<Reading, 'query' | 'key' | 'keys' | 'weights'>,
  around: number,
): readonly StripPart[] {
  const weightOf = new Map(keys.map((row, at) => [row, weights[at]]));
  const [first, last] = query < key ? [query, key] : [key, query];
  const run = (from: number, to: number): StripToken[] => {
    const [begin, end] = [Math.max(0, from), Math.min(tokens.length - 1, to)];
    return Array.from({ length: Math.max(0, end - begin + 1) }, (_, at): StripToken => {
      const row = begin + at;
      const is = row === key ? 'key' : row === query ? 'query' : undefined;
      return { row, token: tokens[row] ?? '', weight: weightOf.get(row), is };
    });
  };
  const isNear = last - first <= 2 * around + 1;
  return [
    ...(first - around > 0 ? (['gap'] as const) : []),
    ...(isNear
      ? run(first - around, last + around)
      : [...run(first - around, first + around), 'gap' as const, ...run(last - around, last + around)]),
    ...(last + around < tokens.length - 1 ? (['gap'] as const) : []),
  ];
}

/** A token among others: its spaces are spaces. */
export const tokenInText = (token: string): string => shownToken(token).replaceAll('␣', ' ');

/** As a line: the key in «», the query in ⟦⟧, `…` where tokens are left out. */
export function stripText(parts: readonly StripPart[]): string {
  const written = parts.map((part, at) => {
    if (part === 'gap') return at === 0 || at === parts.length - 1 ? '…' : ' … ';
    const { token, is } = part;
    if (is === undefined) return tokenInText(token);
    return is === 'key' ? `«${shownToken(token)}»` : `⟦${shownToken(token)}⟧`;
  });
  return written.join('').replaceAll(/ +… +/gu, ' … ').trim();
}

interface Texts {
  readonly texts?: readonly { readonly tokens: readonly string[] }[] | undefined;
  readonly around?: number | undefined;
}

/** The strip of a cell of a table; nothing where the table does not hold its text. */
export const stripIn = ({ texts = [], around = 0 }: Texts, cell: Reading): readonly StripPart[] => {
  const text = texts[cell.text];
  return text ? stripOf(text.tokens, cell, around) : [];
};

export const isReading = (cell: unknown): cell is Reading =>
  typeof cell === 'object' && cell !== null && 'query' in cell && 'keys' in cell;
