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
