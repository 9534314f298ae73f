/**
 * What the statistics of a prompt are laid out by: the keys whose probability is picked for each query (its own, those just before it,
 * those of its token's past), and how the queries of a chunk are added up.
 */

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

  /** All layers of a prompt with the same groups and picture ask for the same layout: it is made when the first of them asks. */
  once<T>(name: string, make: () => T): T {
    if (!this.made.has(name)) this.made.set(name, make());
    return this.made.get(name) as T;
  }
}

/** How the queries of a chunk are added up, for groups of keys and for the blocks of a head's picture. Pure. */

/** Rows and columns of a head's picture. */
export const thumbnailSize = 32;

/** The block of queries, or of keys, of the picture of a prompt that a position belongs to. */
export function blockOf(position: number, length: number): number {
  return length <= thumbnailSize
    ? Math.min(position, thumbnailSize - 1)
    : Math.min(thumbnailSize - 1, Math.floor((position * thumbnailSize) / length));
}

export interface RowGroups {
  readonly segments: number;
  /** In each segment. */
  readonly rows: number;
  /** [segments, rows, queries a segment] */
  readonly weights: Float32Array;
  /** The row that counts for each group; undefined: the group begins behind the chunk. */
  readonly rowOfGroup: readonly (number | undefined)[];
  readonly firstBlock: number;
  readonly blocks: number;
  /** First of the rows of the blocks, where these are no segments. */
  readonly rowOfBlock: number | undefined;
}

/**
 * How the queries of a chunk are added up: in each segment one row for all of them, one for each group that begins inside the
 * chunk (queries before a group's first key cannot read it and do not count), and, where the blocks of the thumbnail do not
 * cut the chunk into segments of one length, one for each block.
 */
export function rowGroups(
  start: number,
  length: number,
  /** First key of each group; Infinity of an empty one. */
  firstOfGroups: readonly number[],
  /** Positions of the prompt, where its picture is drawn. */
  drawn: number | undefined,
): RowGroups {
  const pictured = drawn !== undefined;
  const block = (position: number): number => blockOf(position, drawn ?? 1);
  const first = block(start);
  const blocks = pictured ? block(start + length - 1) - first + 1 : 1;
  const even =
    length % blocks === 0 &&
    Array.from({ length }, (_, i) => block(start + i) - first === Math.floor((i * blocks) / length)).every(Boolean);
  const segments = pictured && even ? blocks : 1;
  const beginning = firstOfGroups.filter((each) => each > start && each < start + length);
  const counted: ((position: number) => boolean)[] = [
    () => true,
    ...beginning.map((each) => (position: number) => position >= each),
    ...(pictured && segments < blocks
      ? Array.from({ length: blocks }, (_, b) => (position: number) => block(position) === first + b)
      : []),
  ];
  const each = length / segments;
  return {
    segments,
    rows: counted.length,
    weights: Float32Array.from({ length: counted.length * length }, (_, at) => {
      const [segment, within] = [Math.floor(at / (counted.length * each)), at % (counted.length * each)];
      return counted[Math.floor(within / each)]?.(start + segment * each + (within % each)) ? 1 : 0;
    }),
    rowOfGroup: firstOfGroups.map((group) =>
      group <= start ? 0 : group >= start + length ? undefined : 1 + beginning.indexOf(group),
    ),
    firstBlock: first,
    rowOfBlock: segments < blocks ? 1 + beginning.length : undefined,
    blocks,
  };
}
