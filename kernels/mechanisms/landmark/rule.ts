/** Where landmarks and blocks are, and which blocks a query chooses from. */
import { integers } from '../../integers';

export interface LandmarkRule {
  /** Ordinary tokens of a block; the token after them is its landmark. */
  readonly block: number;
  /** Ascending positions of the landmarks, an ordinary token before each; left out: every (block + 1)-th. */
  readonly landmarks?: readonly number[];
  /** Past blocks that a query opens; Infinity opens all. */
  readonly open: number;
  /**
   * Positions of a chunk, the tokens that the release runs at once (0 or left out: none): a query opens those that it chooses of
   * the blocks that were complete before its chunk, and beside them every later past block.
   */
  readonly chunk?: number;
  /** Who opens the same blocks (left out: none). */
  readonly shared?: SharedChoice;
  /** Queries and keys are turned by stingy positions (stingy.ts) with this base; 0 or left out: they stay as they are. */
  readonly rotaryBase?: number;
}

/**
 * Blocks are opened by the largest u, the softmax over the landmarks that are chosen from. `group`, `heads`: by the maximum of u
 * over the query heads of a key/value head, or over all; `tokens`: over the queries of a chunk.
 */
export type SharedChoice = 'none' | 'group' | 'heads' | 'tokens';

/** Blocks are counted by the landmarks before a position; a landmark belongs to the block that it closes. */
export function blockOf({ block, landmarks }: LandmarkRule, position: number): number {
  if (!landmarks) return Math.floor(position / (block + 1));
  let [low, high] = [0, landmarks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (landmarks[middle]! < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Position of the landmark that closes a block; Infinity where none is given. */
export const landmarkOf = ({ block, landmarks }: LandmarkRule, at: number): number =>
  landmarks ? (landmarks[at] ?? Infinity) : at * (block + 1) + block;

export const isLandmark = (rule: LandmarkRule, position: number): boolean =>
  landmarkOf(rule, blockOf(rule, position)) === position;

export const blockStart = (rule: LandmarkRule, at: number): number => (at === 0 ? 0 : landmarkOf(rule, at - 1) + 1);

/** The ordinary tokens of a block that has a landmark. */
export const tokensOf = (rule: LandmarkRule, at: number): readonly number[] =>
  integers(blockStart(rule, at), landmarkOf(rule, at));

/** Blocks [0, far) are those that a query chooses from; later ones before its own are open. */
export const farBlocks = (rule: LandmarkRule, position: number): number =>
  rule.chunk ? blockOf(rule, Math.floor(position / rule.chunk) * rule.chunk) : blockOf(rule, position);
