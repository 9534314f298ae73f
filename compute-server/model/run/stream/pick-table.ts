/** The keys whose probability is picked for each query of a prompt: its own, those just before it, those of its token's past. */

export const localWindow = 16;
/** Earlier occurrences of a token that count, the latest ones. */
export const occurrences = 4;
/** Columns of key_picks: itself, previous, the rest of the window, induction targets, earlier occurrences, position 0. */
export const pickCount = 2 + (localWindow - 2) + 2 * occurrences + 1;
export const firstSlot = pickCount - 1;

/** For each position, the positions of the earlier occurrences of its token, latest first. */
export function earlierOccurrences(ids: readonly number[]): readonly (readonly number[])[] {
  const seen = new Map<number, number[]>();
  return ids.map((id, position) => {
    const before = seen.get(id) ?? [];
    seen.set(id, [position, ...before].slice(0, occurrences));
    return before;
  });
}

/**
 * Token positions picked for each query, by slot, -1 where there is none: built once for a prompt and read by every layer.
 */
export class PickTable {
  private readonly made = new Map<string, unknown>();

  /** [positions, pickCount] */
  readonly keys: Int32Array;

  constructor(
    readonly earlier: readonly (readonly number[])[],
    /** Position of the first row. */
    readonly start = 0,
  ) {
    const rows = earlier.length - start;
    this.keys = new Int32Array(rows * pickCount).fill(-1);
    for (let row = 0; row < rows; row++) {
      const position = start + row;
      const base = row * pickCount;
      const before = earlier[position] ?? [];
      for (let back = 0; back < localWindow; back++) this.keys[base + back] = Math.max(-1, position - back);
      before.slice(0, occurrences).forEach((target, slot) => {
        // The token after an occurrence just before is the query itself: no induction target.
        if (target + 1 !== position) this.keys[base + localWindow + slot] = target + 1;
        this.keys[base + localWindow + occurrences + slot] = target;
      });
      this.keys[base + firstSlot] = 0;
    }
  }

  /** What all layers of a prompt ask for, with the same groups and picture: made when the first of them does. */
  once<T>(name: string, make: () => T): T {
    if (!this.made.has(name)) this.made.set(name, make());
    return this.made.get(name) as T;
  }
}
