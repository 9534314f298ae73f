/** A part of a text as it is marked: from one token to another, in either direction, and which tokens are drawn at once. Pure. */

/** Tokens drawn at once; a longer text is walked in steps of it. */
export const windowSize = 400;

/** Where marking began and where it stands; both are marked. */
export interface Mark {
  readonly anchor: number;
  readonly focus: number;
}

export const spanOf = ({ anchor, focus }: Mark): readonly [start: number, end: number] => [
  Math.min(anchor, focus),
  Math.max(anchor, focus) + 1,
];

/** The mark of a span: it stands at the end that `focus` names, else at its last token. */
export function markOf(span: readonly [number, number] | null, focus: number | undefined): Mark | undefined {
  if (!span) return undefined;
  const [first, last] = [span[0], span[1] - 1];
  return focus === first ? { anchor: last, focus } : { anchor: first, focus: last };
}

/** What a key makes of a mark; with Shift the other end stays. Undefined: the key marks nothing. */
export function moved(mark: Mark | undefined, key: string, extend: boolean, tokens: number): Mark | undefined {
  const from = mark?.focus ?? -1;
  const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: tokens - 1 }[key];
  if (to === undefined || tokens === 0) return undefined;
  const focus = Math.max(0, Math.min(tokens - 1, to));
  return { anchor: extend && mark ? mark.anchor : focus, focus };
}

/** The tokens [from, to) that are drawn: in steps of the window, the one with `at`. */
export function windowAt(at: number, tokens: number): readonly [from: number, to: number] {
  const inside = Math.max(0, Math.min(at, tokens - 1));
  const from = Math.floor(inside / windowSize) * windowSize;
  return [from, Math.min(tokens, from + windowSize)];
}
