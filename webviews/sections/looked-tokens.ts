/**
 * The tokens of the source and of the target of an encoder-decoder that are looked at: pinned in their text by a click or the arrow
 * keys, or under the pointer. Every grid of heads, and every matrix, marks them where it reads them.
 */
import type { Section } from '../../protocol/sections/section';
import type { Stack } from '../../protocol/sections/section-base';
import type { TokensSection } from '../../protocol/sections/tokens';

export type Side = NonNullable<TokensSection['side']>;

/** Places of the tokens under the pointer. */
export type PointedTokens = Readonly<Partial<Record<Side, number>>>;

interface LookedToken {
  readonly at: number;
  /** Tokens of its text. */
  readonly of: number;
}

export type LookedTokens = Readonly<Partial<Record<Side, LookedToken>>>;

/** Shares of the rows and of the columns of a picture, from 0 to 1. */
export interface Bands {
  readonly row?: readonly [from: number, to: number];
  readonly column?: readonly [from: number, to: number];
}

/** `cursorOf`: the token of a text that is pinned. Undefined where the result is of no encoder-decoder. */
export function lookedTokens(
  sections: readonly Section[],
  cursorOf: (id: string) => string | undefined,
  pointed: PointedTokens,
): LookedTokens | undefined {
  const texts = sections.flatMap((section) => (section.kind === 'tokens' && section.side ? [section] : []));
  if (texts.length === 0) return undefined;
  return Object.fromEntries(
    texts.flatMap(({ id, side, tokens }) => {
      const cursor = cursorOf(id);
      if (!side) return [];
      const at = pointed[side] ?? (cursor === undefined ? undefined : Number(cursor));
      return at !== undefined && tokens[at] !== undefined ? [[side, { at, of: tokens.length }]] : [];
    }),
  );
}

/** Which text the rows and the columns of a stack are. */
export const sidesOf = (stack: Stack | undefined): readonly [row: Side, column: Side] =>
  stack === 'encoder' ? ['source', 'source'] : stack === 'cross' ? ['target', 'source'] : ['target', 'target'];

/** Undefined where nothing of the stack is looked at. */
export function bandsOf(looked: LookedTokens | undefined, stack: Stack | undefined): Bands | undefined {
  const share = (side: Side): readonly [number, number] | undefined => {
    const token = looked?.[side];
    return token && [token.at / token.of, (token.at + 1) / token.of];
  };
  const [rows, columns] = sidesOf(stack);
  const [row, column] = [share(rows), share(columns)];
  return row || column ? { ...(row ? { row } : {}), ...(column ? { column } : {}) } : undefined;
}
