/** Which rows of a prompt a query reads, by the rules of its layer and nothing else. */
export interface ReadingRules {
  /** Whether a query reads no later row. */
  readonly causal: boolean;
  /** Rows that are read: causal, the last so many, its own included; else those nearer than this on either side. Absent: all. */
  readonly window?: number | undefined;
  /** The window begins at the multiples of its size. */
  readonly chunked?: boolean | undefined;
  /** Rows that read all and that all read, whatever the window. */
  readonly marked?: readonly number[] | undefined;
}

/** Rows [first, end) of `length`, without marked ones. */
export function keysRead(
  query: number,
  length: number,
  { causal, window = Infinity, chunked = false }: ReadingRules,
): { readonly first: number; readonly end: number } {
  return {
    first: chunked ? query - (query % window) : Math.max(0, query - window + 1),
    end: causal ? query + 1 : Math.min(length, query + window),
  };
}

/** How many. */
export function countOfKeysRead(query: number, length: number, rules: ReadingRules): number {
  const { marked = [] } = rules;
  if (marked.includes(query)) return length;
  const { first, end } = keysRead(query, length, rules);
  return end - first + marked.filter((row) => row < first || row >= end).length;
}
