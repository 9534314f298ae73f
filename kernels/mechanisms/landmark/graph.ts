/** The graph of landmark attention: tiles of whole blocks, and the blocks that their queries open. */
import { additiveMask, foldGroup, groupQueries, unfoldGroup } from '../../graph/attention-graph';
import { attendChosenBlocks } from '../../graph/chosen-blocks';
import { attendGatheredBlocks } from '../../graph/gathered-blocks';
import { add, multiply } from '../../graph/operators/elementwise';
import { concat, gather, gatherRange, reshape, slice, unsqueeze } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { reduceSum, softmax, topK } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import { integers } from '../../integers';
import { queryOffset, type AttentionShape } from '../../shape';
import { blockOf, type LandmarkRule } from './reference';
import { chooses, copiesBlocks, opensBlocks, pastBlocks, tilesOf } from './tiles';

interface Choice {
  /** Queries [start, start + rows), each of which opens `open` blocks. */
  readonly start: number;
  readonly rows: number;
  readonly open: number;
  /** [b, hkv, g rows, open] or [b, h, rows, open] */
  readonly shares: Value;
  readonly blocks: Value;
}

/** Tiles whose queries open equally many blocks become one, so that what follows is a few large operations. */
function joinChoices(choices: readonly Choice[], { batch, heads }: AttentionShape): readonly Choice[] {
  return [...new Set(choices.map(({ open }) => open))].map((open) => {
    const alike = choices.filter((choice) => choice.open === open);
    const joined = (of: (choice: Choice) => Value): Value =>
      concat(
        alike.map((choice) => reshape(of(choice), [batch, heads, choice.rows, open])),
        2,
      );
    return {
      start: alike[0]!.start,
      rows: alike.reduce((sum, { rows }) => sum + rows, 0),
      open,
      shares: joined(({ shares }) => shares),
      blocks: joined(({ blocks }) => blocks),
    };
  });
}

/**
 * Mode topk against the fused operator (blocks of 50, 2 open, 8192 positions, 8 heads of 64, 2 threads, onnxruntime 1.30,
 * 2026-11): 3.7 times as fast, where its density of 0.05 and the target of 0.4 / density ask for 8. Of 143 ms, 29 are products
 * over the opened blocks (64 pairs times 50 keys, bound by memory: rows and blocks are copied), 26 over the own blocks, 20
 * copies of rows and blocks, 11 the choice and the sort. Segments of 32 or 128 pairs are no faster.
 */
export function landmarkGraph(
  query: Value,
  key: Value,
  value: Value,
  shape: AttentionShape,
  rule: LandmarkRule,
): Value {
  const { batch, heads, kvHeads, headDim, valueDim } = shape;
  const { graph } = key;
  const group = heads / kvHeads;
  const size = rule.block + 1;
  const blocks = pastBlocks(shape, rule);
  const opens = opensBlocks(shape, rule);
  const choosing = chooses(shape, rule) && opens;
  const scale = headDim ** -0.5;
  const offset = queryOffset(shape);
  const grouped = groupQueries(query, shape);
  const at = (x: Value, positions: readonly number[]) =>
    gather(x, graph.constant('int64', [positions.length], positions), 2);
  const landmarks = opens
    ? at(
        key,
        integers(0, blocks).map((block) => block * size + rule.block),
      )
    : undefined;
  const copying = choosing && copiesBlocks(shape, rule);
  const ordinary = integers(0, opens && !copying ? blocks : 0).flatMap((block) =>
    integers(block * size, block * size + rule.block),
  );
  const [pastKeys, pastValues] = ordinary.length > 0 ? [at(key, ordinary), at(value, ordinary)] : [key, value];

  const parts = tilesOf(shape, rule).map((tile) => {
    const rows = tile.end - tile.start;
    const [localCount, past] = [tile.local.length, landmarks ? tile.past : 0];
    const queries = foldGroup(gatherRange(grouped, 3, tile.start, tile.end)); // [b, hkv, g * rows, d]
    const position = (row: number) => tile.start + row + offset;
    const masked = (x: Value, columns: number, reads: (row: number, column: number) => boolean): Value => {
      const apart = reshape(x, [batch, kvHeads, group, rows, columns]);
      return reshape(add(apart, additiveMask(x, rows, columns, reads)), x.shape);
    };
    const local = masked(
      fusedMatmul(queries, at(key, tile.local), { transposeB: true, scale }),
      localCount,
      (row, column) => {
        const token = tile.local[column]!;
        return token <= position(row) && blockOf(rule, token) === blockOf(rule, position(row));
      },
    );
    const localValues = at(value, tile.local);
    if (!landmarks || past === 0) {
      const output = unfoldGroup(matmul(softmax(local), localValues), shape);
      return { output, chosen: undefined };
    }
    const raw = fusedMatmul(queries, gatherRange(landmarks, 2, 0, past), { transposeB: true, scale });
    // Past for a row are the blocks before its own; in a tile of one block these are all.
    const gates = past > tile.first ? masked(raw, past, (row, column) => column < blockOf(rule, position(row))) : raw;
    if (!choosing) {
      const first = softmax(concat([local, gates], 3));
      const shares = slice(first, 3, localCount);
      const [keys, values] = [pastKeys, pastValues].map((x) => gatherRange(x, 2, 0, past * rule.block));
      const output = add(matmul(slice(first, 3, 0, localCount), localValues), openOutput(shares, keys!, values!, past));
      return { output: unfoldGroup(output, shape), chosen: undefined };
    }
    const { far } = tile;
    const open = Math.min(rule.open, far);
    const near = past > far ? slice(gates, 3, far) : undefined;
    const best = open > 0 ? topK(near ? slice(gates, 3, 0, far) : gates, open) : undefined;
    const first = softmax(concat([local, ...(near ? [near] : []), ...(best ? [best[0]] : [])], 3));
    const kept = localCount + past - far;
    // Sorting knows no NaN: one among the landmarks reaches the row by way of their sum.
    const spoiled = multiply(reduceSum(raw, [3]), 0);
    const own = add(matmul(slice(first, 3, 0, localCount), localValues), spoiled);
    const output = near ? add(own, nearOutput(slice(first, 3, localCount, kept))) : own;
    return {
      output: unfoldGroup(output, shape),
      chosen: best && { rows, open, start: tile.start, shares: slice(first, 3, kept), blocks: best[1] },
    };

    /** From the blocks of the chunk before the own one, all of them open, by their shares [b, hkv, g rows, past - far]. */
    function nearOutput(shares: Value): Value {
      const positions = integers(far, past).flatMap((each) => integers(each * size, each * size + rule.block));
      return openOutput(shares, at(key, positions), at(value, positions), past - far);
    }

    function openOutput(shares: Value, keys: Value, values: Value, count: number): Value {
      const inside = fusedMatmul(queries, keys, { transposeB: true, scale });
      const byBlock = softmax(reshape(inside, [batch, kvHeads, group * rows, count, rule.block]));
      return matmul(reshape(multiply(byBlock, unsqueeze(shares, 4)), inside.shape), values);
    }
  });
  const local = concat(
    parts.map(({ output }) => output),
    2,
  );
  const choices = joinChoices(
    parts.flatMap(({ chosen }) => (chosen ? [chosen] : [])),
    shape,
  );
  if (choices.length === 0) return local;

  // Tiles at the start have fewer blocks than may be opened: pairs are listed tile by tile, as many to a row as it opens.
  const flat = (x: Value, { rows, open }: (typeof choices)[number]) => reshape(x, [batch, heads, rows * open]);
  const rowOfPair = choices.flatMap(({ rows, open, start }) =>
    integers(start, start + rows).flatMap((row) => new Array<number>(open).fill(row)),
  );
  const pairs = rowOfPair.length;
  const chosen = concat(
    choices.map((choice) => flat(choice.blocks, choice)),
    2,
  );
  const output = copying
    ? attendGatheredBlocks(
        { queries: at(query, rowOfPair), chosen, keys: key, values: value, stride: size, width: rule.block },
        shape,
      ).output
    : inSegments();
  let pair = 0;
  const opened = choices.map((choice) => {
    const { rows, open, shares } = choice;
    const own = reshape(gatherRange(output, 2, pair, pair + rows * open), [batch, heads, rows, open, valueDim]);
    pair += rows * open;
    const weighted = multiply(own, reshape(flat(shares, choice), [batch, heads, rows, open, 1]));
    return reduceSum(weighted, [3], false);
  });
  const before = choices[0]!.start;
  const all = before > 0 ? [zerosOf(before), ...opened] : opened;
  return add(local, concat(all, 2));

  function inSegments(): Value {
    const ofHeads = attendChosenBlocks({
      rows: (b, h) => reshape(slice(slice(query, 0, b, b + 1), 1, h, h + 1), [shape.queries, headDim]),
      rowOfPair,
      chosen,
      keys: reshape(pastKeys, [batch, kvHeads, blocks, rule.block, headDim]),
      values: reshape(pastValues, [batch, kvHeads, blocks, rule.block, valueDim]),
      scale,
    });
    const joined = concat(
      ofHeads.map((each) => each.output),
      0,
    );
    return reshape(joined, [batch, heads, pairs, valueDim]);
  }

  function zerosOf(rows: number): Value {
    return graph.constant(
      query.type,
      [batch, heads, rows, valueDim],
      new Float32Array(batch * heads * rows * valueDim),
    );
  }
}
