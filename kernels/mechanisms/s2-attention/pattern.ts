/**
 * Which blocks of keys a block of queries reads in S2-Attention (arXiv:2407.17678; released code linxihui/dkernel).
 *
 * Letters: I block of queries, J block of keys, h key/value head, l local blocks, v vertical stride, s step, o offset.
 */
export interface BlockPattern {
  readonly localBlocks: number;
  readonly verticalStride: number;
  /** How far the columns of one head are shifted against those of the head before it. */
  readonly step: number;
  readonly offset: number;
  /** Every head reads block 0 as well. */
  readonly sink: boolean;
}

/** The step that the authors take when none is given: max(1, floor(v / H)), H the number of query heads. */
export const usualStep = (verticalStride: number, queryHeads: number): number =>
  Math.max(1, Math.floor(verticalStride / queryHeads));

/** Causal: I - J < l (the own block among them), or a column of the head: (J + h s + o) mod v = 0. */
export const readsBlock = (pattern: BlockPattern, head: number, queryBlock: number, keyBlock: number): boolean =>
  keyBlock <= queryBlock && (queryBlock - keyBlock < pattern.localBlocks || isColumn(pattern, head, keyBlock));

export const isColumn = (pattern: BlockPattern, head: number, keyBlock: number): boolean =>
  (keyBlock + head * pattern.step + pattern.offset) % pattern.verticalStride === 0 || (pattern.sink && keyBlock === 0);

/**
 * Non-causal: with the distances beyond the local blocks, a = max(0, I - J - l + 1) to the left and c = max(0, J - I - l + 1)
 * to the right, (a + c) mod v = 0; the same for every head.
 */
export function readsBlockBothWays(pattern: BlockPattern, queryBlock: number, keyBlock: number): boolean {
  if (pattern.sink && keyBlock === 0) return true;
  const left = Math.max(0, queryBlock - keyBlock - pattern.localBlocks + 1);
  const right = Math.max(0, keyBlock - queryBlock - pattern.localBlocks + 1);
  return (left + right) % pattern.verticalStride === 0;
}

/** How many blocks of `blocks` a block of queries reads so, without listing them. */
export function countBlocksBothWays(pattern: BlockPattern, queryBlock: number, blocks: number): number {
  const { localBlocks: l, verticalStride: v } = pattern;
  const near = Math.min(blocks - 1, queryBlock + l - 1) - Math.max(0, queryBlock - l + 1) + 1;
  const far = (distance: number) => Math.floor(Math.max(0, distance - l + 1) / v);
  const sink = pattern.sink && !readsBlockBothWays({ ...pattern, sink: false }, queryBlock, 0) ? 1 : 0;
  return near + far(queryBlock) + far(blocks - 1 - queryBlock) + sink;
}

/** The first block that is a column of a head, the sink not counted. */
export const firstColumn = ({ verticalStride: v, step, offset }: BlockPattern, head: number): number =>
  (v - ((head * step + offset) % v)) % v;

/** Columns of a head among the blocks 0 .. before - 1, ascending. */
export function columnsBefore(pattern: BlockPattern, head: number, before: number): readonly number[] {
  const { verticalStride: v } = pattern;
  const first = firstColumn(pattern, head);
  const columns = pattern.sink && first > 0 && before > 0 ? [0] : [];
  for (let block = first; block < before; block += v) columns.push(block);
  return columns;
}

/** How many those are, without listing them. */
export function countColumnsBefore(pattern: BlockPattern, head: number, before: number): number {
  const { verticalStride: v } = pattern;
  const first = firstColumn(pattern, head);
  const strided = before > first ? Math.ceil((before - first) / v) : 0;
  return strided + (pattern.sink && first > 0 && before > 0 ? 1 : 0);
}

/** Block pairs that a causal head reads among n_b x n_b: the sum over I of min(I + 1, l) + its columns J <= I - l. */
export function blockPairs(pattern: BlockPattern, head: number, blocks: number): number {
  let pairs = 0;
  for (let block = 0; block < blocks; block++) {
    pairs += Math.min(block + 1, pattern.localBlocks);
    pairs += countColumnsBefore(pattern, head, block - pattern.localBlocks + 1);
  }
  return pairs;
}

/**
 * Whether a decoder may forget keys under the pattern: below the diagonal a column once dropped is never read again,
 * reads(I + 1, J) implies reads(I, J) for every J < I.
 */
export function isCacheEfficient(blocks: number, reads: (queryBlock: number, keyBlock: number) => boolean): boolean {
  for (let row = 0; row + 1 < blocks; row++) {
    for (let column = 0; column < row; column++) {
      if (reads(row + 1, column) && !reads(row, column)) return false;
    }
  }
  return true;
}
