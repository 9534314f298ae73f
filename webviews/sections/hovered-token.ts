/** The token under the pointer, which every picture on the page marks that draws the same text. */

export interface TokenPlaces {
  /** Texts of the tokens; of a long text the first of them may be all. */
  readonly tokens: readonly string[];
  /** The token of a cell; undefined where it has none. */
  of(cursor: string): number | undefined;
  /** What is marked for a token. */
  at(token: number): string | undefined;
}

let hovered: { readonly tokens: readonly string[]; readonly token: number } | undefined;
const listeners = new Set<() => void>();

/** The pointer is on a cell, or left the picture. */
export function hoverToken(places: TokenPlaces, cursor: string | undefined): void {
  const token = cursor === undefined ? undefined : places.of(cursor);
  hovered = token === undefined ? undefined : { tokens: places.tokens, token };
  for (const listener of listeners) listener();
}

/** What a picture marks for the token under the pointer, wherever that is. */
export const markedFor = (places: TokenPlaces): string | undefined =>
  hovered && sameText(hovered.tokens, places.tokens) && hovered.token < places.tokens.length
    ? places.at(hovered.token)
    : undefined;

/** Gives what stops it. */
export function onHoveredToken(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** One is the beginning of the other. */
function sameText(one: readonly string[], other: readonly string[]): boolean {
  if (one === other) return true;
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  return short.every((token, at) => token === long[at]);
}
