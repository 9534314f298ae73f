/** `a`, `a and b`, `a, b and c`; with another word before the last one, `a, b or c`. */
export const listed = (words: readonly string[], before: 'and' | 'or' = 'and'): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${before} ${words.at(-1) ?? ''}`;
