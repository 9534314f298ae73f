/** How the queries of landmark attention are cut into tiles. */
import { integers } from '../../integers';
import { queryOffset, type AttentionShape } from '../../shape';
import { blockOf, blockStart, farBlocks, isLandmark, landmarkOf, tokensOf, type LandmarkRule } from './rule';

/** Blocks that have a landmark and tokens after it: those that a query may open. */
export const pastBlocks = (shape: AttentionShape, rule: LandmarkRule): number => blockOf(rule, shape.keys - 1);

/** Whether some query has more past blocks than it opens. */
export const chooses = (shape: AttentionShape, rule: LandmarkRule): boolean =>
  rule.open < farBlocks(rule, shape.keys - 1);

/** Whether some query opens a past block. */
export const opensBlocks = (shape: AttentionShape, rule: LandmarkRule): boolean =>
  (rule.open > 0 || Boolean(rule.chunk)) && pastBlocks(shape, rule) > 0;

export interface Tile {
  /** Queries [start, end). */
  readonly start: number;
  readonly end: number;
  /** Blocks [0, past) precede some query of the tile; its own blocks begin at `first`. */
  readonly first: number;
  readonly past: number;
  /** Blocks [0, far) are chosen from; the same for every query of the tile where there are chunks, else `past`. */
  readonly far: number;
  /** Ordinary positions of its own blocks, up to its last query. */
  readonly local: readonly number[];
  /** Whole blocks of one length that it is made of, each of which reads itself alone; 1 where it is made of others. */
  readonly whole: number;
}

/** Keys of its own blocks whose scores a row computes. */
export const localColumns = ({ local, whole }: Tile): number => local.length / whole;

/**
 * Tiles of whole blocks, about 256 rows: a product packs its keys again for each tile, and every tile is a dozen operations.
 * With 51 rows a tile, blocks of 50, mode topk took 187 ms where 255 rows took 152 (8 heads of 64, 8192 positions, 2 open blocks,
 * 2 threads, onnxruntime 1.30, 2026-11).
 */
export function tilesOf(shape: AttentionShape, rule: LandmarkRule): readonly Tile[] {
  const offset = queryOffset(shape);
  const tiles: Tile[] = [];
  // On a cache the first tile begins with the block of the first query.
  let from = blockStart(rule, blockOf(rule, offset));
  while (from < shape.keys) {
    const begin = Math.max(from, offset);
    // Queries of two chunks choose from different blocks.
    const chunkEnd = rule.chunk ? (Math.floor(begin / rule.chunk) + 1) * rule.chunk : shape.keys;
    const to = Math.min(tileEnd(rule, from), chunkEnd, shape.keys);
    const first = blockOf(rule, from);
    const past = blockOf(rule, to - 1);
    tiles.push({
      start: begin - offset,
      end: to - offset,
      first,
      past,
      far: rule.chunk ? farBlocks(rule, begin) : past,
      local: integers(blockStart(rule, first), to).filter((position) => !isLandmark(rule, position)),
      whole: wholeBlocks(rule, begin, to),
    });
    from = to;
  }
  return tiles;
}

function wholeBlocks({ block, landmarks }: LandmarkRule, from: number, to: number): number {
  const size = block + 1;
  return landmarks || from % size !== 0 || to % size !== 0 ? 1 : (to - from) / size;
}

function tileEnd(rule: LandmarkRule, from: number): number {
  const size = rule.block + 1;
  if (!rule.landmarks) return from + size * Math.max(1, Math.floor(256 / size));
  let block = blockOf(rule, from);
  while (landmarkOf(rule, block + 1) < from + 256) block++;
  return landmarkOf(rule, block) + 1;
}

/** Ordinary tokens of the longest block that may be opened. */
export const longestBlock = (shape: AttentionShape, rule: LandmarkRule): number =>
  rule.landmarks
    ? Math.max(1, ...integers(0, pastBlocks(shape, rule)).map((each) => tokensOf(rule, each).length))
    : rule.block;

/**
 * Whether each pair of a query and a block that it opens copies the block: with fewer pairs than blocks that costs less than a
 * segment for every block (graph/chosen-blocks.ts). Blocks of one length only, and none that are turned.
 */
export const copiesBlocks = (shape: AttentionShape, rule: LandmarkRule): boolean =>
  rule.landmarks === undefined && !rule.rotaryBase && shape.queries * rule.open < pastBlocks(shape, rule);
