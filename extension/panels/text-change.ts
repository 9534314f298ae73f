/** The one stretch in which two texts differ. */
export interface TextChange {
  /** Offsets in the text before, half-open. */
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

export function textChange(before: string, after: string): TextChange {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  let behind = 0;
  while (behind < shorter - start && before.at(-1 - behind) === after.at(-1 - behind)) behind += 1;
  return { start, end: before.length - behind, replacement: after.slice(start, after.length - behind) };
}
