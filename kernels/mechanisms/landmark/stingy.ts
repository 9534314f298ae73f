/**
 * Stingy positions of the release (mem_cache.py): where more blocks are chosen from than are opened, keys and queries stand where
 * no distance grows with the sequence. Letters: B + 1 tokens of a block with its landmark, k blocks opened, F blocks chosen from.
 */
import { farBlocks, type LandmarkRule } from './rule';

export interface StingyPlaces {
  /** F > k: places are not the true positions. */
  readonly crowded: boolean;
  /** Position of the query. */
  readonly query: number;
  /** Position of a token after the blocks that are chosen from: the tail of the cache and the chunk keep their distances. */
  readonly near: (token: number) => number;
  /** Whether a block is one of the k latest, which keep their order behind slot 0 of all older ones. */
  readonly recent: (block: number) => boolean;
  /** Position of a block's landmark while blocks are chosen. */
  readonly landmark: (block: number) => number;
  /** Position of the first token of the block that is read as the r-th, r from 0 on in the order of the blocks. */
  readonly read: (r: number, block: number) => number;
}

/**
 * Crowded: the query's chunk begins k + 1 blocks behind place 0; while blocks are chosen the k latest have slots 1 to k and all
 * older ones slot 0; the r-th block that is read has slot r, or r + 1 where it is one of the k latest. Otherwise places are
 * positions: there the release leaves a slot out, and its last landmark would stand behind the query.
 */
export function stingyPlaces(rule: LandmarkRule, position: number): StingyPlaces {
  const size = rule.block + 1;
  const far = farBlocks(rule, position);
  const crowded = far > rule.open;
  const begin = (crowded ? rule.open + 1 : far) * size;
  const near = (token: number) => begin + token - far * size;
  const recent = (block: number) => block >= far - rule.open;
  const slot = (block: number) => (crowded ? Math.max(0, block - far + rule.open + 1) : block);
  return {
    crowded,
    query: near(position),
    near,
    recent,
    landmark: (block) => slot(block) * size + rule.block,
    read: (r, block) => (crowded && recent(block) ? r + 1 : r) * size,
  };
}
