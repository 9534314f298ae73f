/** The integers of [from, to), ascending. */
export const integers = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);
