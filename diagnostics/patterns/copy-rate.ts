/** Copy events from the keys that each query reads most. */

export interface MostRead {
  /** [position][head][k], largest weight first; -1 where the query reads fewer keys. */
  readonly keys: Int32Array;
  readonly heads: number;
  readonly k: number;
}

/** Keys nearer than this are the local window's, not a retrieval. */
const farBeyond = 16;

/**
 * By head: share of the counted queries whose most-read key, key 0 left out, holds the token that comes next and lies more
 * than 16 tokens back. Queries without a next token do not count.
 */
export function copyRates(ids: readonly number[], counted: readonly number[], most: MostRead): number[] {
  const queries = counted.filter((position) => position + 1 < ids.length);
  return Array.from({ length: most.heads }, (_, head) => {
    if (queries.length === 0) return Number.NaN;
    const events = queries.filter((position) => {
      const at = (position * most.heads + head) * most.k;
      const first = most.keys[at] ?? 0;
      const key = first === 0 && most.k > 1 ? (most.keys[at + 1] ?? 0) : first;
      return key >= 0 && position - key > farBeyond && ids[key] === ids[position + 1];
    });
    return events.length / queries.length;
  });
}
