/** Pairs of a query and a block that it opens at stingy positions, in the runtime. */
import { add, greater, multiply, where } from '../../graph/operators/elementwise';
import { expand, gather, reshape, unsqueeze } from '../../graph/operators/layout';
import { reduceSum, topK } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import { rotateByTables, rotationTables } from '../../graph/rotary-rows';
import { integers } from '../../integers';
import type { AttentionShape } from '../../shape';
import type { LandmarkRule } from './rule';
import { stingyPlaces } from './stingy';
import { chooses, pastBlocks } from './tiles';

/** Rotation of [..., R, d] at R places; nothing where positions are left as they are. */
export type Turn = (x: Value, places: readonly number[]) => Value;

/**
 * Rows of the tables: all places, and the rows that are turned at once, of which the operator takes no more: queries, pairs, landmarks.
 * Positions of the whole only where all places are positions.
 */
export const tableRows = (shape: AttentionShape, rule: LandmarkRule): number => {
  if (!chooses(shape, rule)) return shape.keys;
  const { block, open, chunk = 0 } = rule;
  const rows = Math.max(256, block + 1) * Math.max(1, open);
  return Math.max((open + 2) * (block + 1) + chunk, rows, pastBlocks(shape, rule));
};

export function turnOf(like: Value, shape: AttentionShape, rule: LandmarkRule): Turn {
  const { rotaryBase = 0 } = rule;
  if (rotaryBase === 0) return (x) => x;
  const tables = rotationTables(like, shape.headDim, integers(0, tableRows(shape, rule)), rotaryBase);
  return (x, places) => rotateByTables(x, places, tables);
}

export interface StingyPairs {
  /** Scores of the opened blocks' landmarks [b, hkv, g rows, open], where they are read. */
  readonly gates: Value;
  /** The blocks in their order. */
  readonly blocks: Value;
  /** A query for each pair [b, h, rows open, d]: keys keep their places in the block, and it stands as far behind. */
  readonly queries: Value;
}

/** `rows` [b, hkv, g, rows, d] unrotated, at `positions`; `blocks` [b, hkv, g rows, open]; `landmarks` [b, hkv, blocks, d] at place B. */
export function stingyPairs(
  rows: Value,
  positions: readonly number[],
  blocks: Value,
  landmarks: Value,
  shape: AttentionShape,
  rule: LandmarkRule,
  turn: Turn,
): StingyPairs {
  const { batch, heads, kvHeads, headDim } = shape;
  const group = heads / kvHeads;
  const size = rule.block + 1;
  const [count, open] = [positions.length, Number(blocks.shape[3])];
  const inOrder = open > 1 ? topK(blocks, open, 3, false)[0] : blocks;
  const pairs = reshape(expand(unsqueeze(rows, 4), [batch, kvHeads, group, count, open, headDim]), [
    batch,
    kvHeads,
    group,
    count * open,
    headDim,
  ]);
  const behind = (further: number) =>
    turn(
      pairs,
      positions.flatMap((position) =>
        integers(0, open).map((r) => stingyPlaces(rule, position).query - (r + further) * size),
      ),
    );
  const places = stingyPlaces(rule, positions[0]!);
  // All queries of a tile choose from the same blocks.
  const firstRecent = integers(0, Number(landmarks.shape[2])).findIndex(places.recent);
  const recent = reshape(greater(inOrder, rows.graph.constant('int64', [], [firstRecent - 1])), [
    batch,
    kvHeads,
    group,
    count * open,
    1,
  ]);
  const queries = places.crowded ? where(recent, behind(1), behind(0)) : behind(0);
  const total = Number(landmarks.shape[2]);
  const firsts = rows.graph.constant(
    'int64',
    [batch, kvHeads, 1, 1],
    integers(0, batch * kvHeads).map((at) => at * total),
  );
  const opened = gather(reshape(landmarks, [batch * kvHeads * total, headDim]), add(inOrder, firsts));
  const asking = reshape(queries, [batch, kvHeads, group * count, open, headDim]);
  return {
    gates: multiply(reduceSum(multiply(asking, opened), [4], false), headDim ** -0.5),
    blocks: inOrder,
    queries: reshape(queries, [batch, heads, count * open, headDim]),
  };
}
