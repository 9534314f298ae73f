/** The graph of landmark attention: tiles of whole blocks, and the blocks that their queries open. */
import { additiveMask, foldGroup, groupQueries, unfoldGroup } from '../../graph/attention-graph';
import { attendChosenBlocks } from '../../graph/chosen-blocks';
import { attendGatheredBlocks } from '../../graph/gathered-blocks';
import { add, isNaNumber, multiply, where } from '../../graph/operators/elementwise';
import {
  concat,
  expand,
  filled as filledWith,
  gather,
  gatherElements,
  gatherRange,
  reshape,
  slice,
  unsqueeze,
} from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { reduceMax, reduceSum, softmax, topK } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import { lowest } from '../../graph/types';
import { integers } from '../../integers';
import { queryOffset, type AttentionShape } from '../../shape';
import { blockOf, landmarkOf, tokensOf, type LandmarkRule } from './rule';
import { stingyPairs, turnOf } from './stingy-graph';
import { stingyPlaces } from './stingy';
import {
  chooses,
  copiesBlocks,
  localColumns,
  longestBlock,
  opensBlocks,
  pastBlocks,
  tilesOf,
  type Tile,
} from './tiles';

interface Choice {
  /** Queries [start, start + rows), each of which opens `open` blocks. */
  readonly start: number;
  readonly rows: number;
  readonly open: number;
  /** [b, hkv, g rows, open] or [b, h, rows, open] */
  readonly shares: Value;
  readonly blocks: Value;
  /** At stingy positions: a query for each pair, [b, h, rows open, d]. */
  readonly queries?: Value | undefined;
}

interface Part {
  readonly tile: Tile;
  /** Scores of the landmarks that are chosen from, [b, hkv, g rows, far]. */
  readonly farGates?: Value;
  /** With the blocks that others chose, or with the best of each query. */
  readonly finish: (given?: Value) => { readonly output: Value; readonly chosen?: Choice | undefined };
}

/** Scores of the landmarks of the blocks that each query opens, and these blocks. */
interface ChosenOfTile extends Pick<Choice, 'blocks' | 'queries'> {
  readonly gates: Value;
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
      queries:
        alike[0]!.queries &&
        concat(
          alike.map(({ queries }) => queries!),
          2,
        ),
    };
  });
}

/**
 * Mode topk against the fused operator (blocks of 50, 2 open, 8192 positions, 8 heads of 64, computing time of one thread,
 * onnxruntime 1.30, 2026-11): 4.6 times as fast, 119 ms of 552, where its density of 0.05 and the target of 0.4 / density ask for
 * 8; 3.7 before whole blocks of a tile were products of their own. A third are products over the opened blocks (64 pairs times
 * 50 keys, bound by memory: rows and blocks are copied), a quarter copies of rows and blocks, a sixth the choice of two of 160
 * landmarks for each query and the sort of the pairs. Segments of 32 or 128 pairs are no faster.
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
  const blocks = pastBlocks(shape, rule);
  const width = longestBlock(shape, rule);
  const opens = opensBlocks(shape, rule);
  const choosing = chooses(shape, rule) && opens;
  const scale = headDim ** -0.5;
  const offset = queryOffset(shape);
  const { rotaryBase = 0 } = rule;
  const turn = turnOf(query, shape, rule);
  if (rotaryBase > 0 && !choosing) {
    // Nowhere are more blocks than are opened: places are positions.
    const turned = [turn(query, integers(offset, offset + shape.queries)), turn(key, integers(0, shape.keys))] as const;
    return landmarkGraph(...turned, value, shape, { ...rule, rotaryBase: 0 });
  }
  const grouped = groupQueries(query, shape);
  const at = (x: Value, positions: readonly number[]) =>
    gather(x, graph.constant('int64', [positions.length], positions), 2);
  const landmarks = opens
    ? at(
        key,
        integers(0, blocks).map((block) => landmarkOf(rule, block)),
      )
    : undefined;
  const copying = choosing && copiesBlocks(shape, rule);
  const ordinary = opens && !copying ? laidOut(rule, 0, blocks, width) : [];
  const [pastKeys, pastValues] = ordinary.length > 0 ? [at(key, ordinary), at(value, ordinary)] : [key, value];

  const turnedLandmarks =
    landmarks && rotaryBase > 0 ? turn(landmarks, new Array<number>(blocks).fill(rule.block)) : undefined;

  const parts = tilesOf(shape, rule).map((tile): Part => {
    const rows = tile.end - tile.start;
    const positions = integers(tile.start + offset, tile.end + offset);
    // All rows of a tile are of one chunk.
    const places = stingyPlaces(rule, positions[0]!);
    const near = (x: Value, tokens: readonly number[]) => turn(at(x, tokens), tokens.map(places.near));
    const [localCount, past] = [localColumns(tile), landmarks ? tile.past : 0];
    const plain = gatherRange(grouped, 3, tile.start, tile.end);
    const queries = foldGroup(turn(plain, positions.map(places.near))); // [b, hkv, g * rows, d]
    const position = (row: number) => tile.start + row + offset;
    const masked = (x: Value, columns: number, reads: (row: number, column: number) => boolean): Value => {
      const apart = reshape(x, [batch, kvHeads, group, rows, columns]);
      return reshape(add(apart, additiveMask(x, rows, columns, reads)), x.shape);
    };
    const local = localScores();
    const localValues = at(value, tile.local);
    if (!landmarks || past === 0) {
      const output = unfoldGroup(localOutput(softmax(local)), shape);
      return { tile, finish: () => ({ output }) };
    }
    const standing = integers(0, past).map((block) =>
      block < tile.far ? places.landmark(block) : places.near(landmarkOf(rule, block)),
    );
    const raw = fusedMatmul(queries, turn(gatherRange(landmarks, 2, 0, past), standing), { transposeB: true, scale });
    // Past for a row are the blocks before its own; in a tile of one block these are all.
    const gates = past > tile.first ? masked(raw, past, (row, column) => column < blockOf(rule, position(row))) : raw;
    if (!choosing) {
      const first = softmax(concat([local, gates], 3));
      const shares = slice(first, 3, localCount);
      const [keys, values] = [pastKeys, pastValues].map((x) => gatherRange(x, 2, 0, past * width));
      const own = localOutput(slice(first, 3, 0, localCount));
      return {
        tile,
        finish: () => ({ output: unfoldGroup(add(own, openOutput(shares, keys!, values!, 0, past)), shape) }),
      };
    }
    const { far } = tile;
    const nearGates = past > far ? slice(gates, 3, far) : undefined;
    const farGates = nearGates ? slice(gates, 3, 0, far) : gates;
    return { tile, farGates, finish };

    /** [b, hkv, g rows, columns]: of a block with itself where the tile is made of whole ones, else of all with all. */
    function localScores(): Value {
      const keys = near(key, tile.local);
      if (tile.whole === 1) {
        return masked(fusedMatmul(queries, keys, { transposeB: true, scale }), localCount, (row, column) => {
          const token = tile.local[column]!;
          return token <= position(row) && blockOf(rule, token) === blockOf(rule, position(row));
        });
      }
      const size = rule.block + 1;
      const apart = fusedMatmul(
        reshape(queries, [batch, kvHeads, group, tile.whole, size, headDim]),
        reshape(keys, [batch, kvHeads, 1, tile.whole, rule.block, headDim]),
        { transposeB: true, scale },
      );
      const causal = add(
        apart,
        additiveMask(apart, size, rule.block, (row, column) => column <= row),
      );
      return reshape(causal, [batch, kvHeads, group * rows, rule.block]);
    }

    function localOutput(weights: Value): Value {
      if (tile.whole === 1) return matmul(weights, localValues);
      const size = rule.block + 1;
      const apart = matmul(
        reshape(weights, [batch, kvHeads, group, tile.whole, size, rule.block]),
        reshape(localValues, [batch, kvHeads, 1, tile.whole, rule.block, valueDim]),
      );
      return reshape(apart, [batch, kvHeads, group * rows, valueDim]);
    }

    function finish(given?: Value) {
      const open = Math.min(rule.open, far);
      const best = open > 0 ? chosenOf(open, given) : undefined;
      const first = softmax(concat([local, ...(nearGates ? [nearGates] : []), ...(best ? [best.gates] : [])], 3));
      const kept = localCount + past - far;
      // Sorting knows no NaN: one among the landmarks reaches the row by way of their sum.
      const spoiled = multiply(reduceSum(raw, [3]), 0);
      const own = add(localOutput(slice(first, 3, 0, localCount)), spoiled);
      const output = nearGates ? add(own, nearOutput(slice(first, 3, localCount, kept))) : own;
      return {
        output: unfoldGroup(output, shape),
        chosen: best && { ...best, rows, open, start: tile.start, shares: slice(first, 3, kept) },
      };
    }

    function chosenOf(open: number, given: Value | undefined): ChosenOfTile {
      const [gatesOfBest, blocks] = topOf(open, given);
      if (!turnedLandmarks) return { gates: gatesOfBest, blocks };
      return stingyPairs(plain, positions, blocks, turnedLandmarks, shape, rule, turn);
    }

    function topOf(open: number, given: Value | undefined): readonly [values: Value, indices: Value] {
      return given ? [gatherElements(farGates, given, 3), given] : topK(farGates, open);
    }

    /** From the blocks of the chunk before the own one, all of them open, by their shares [b, hkv, g rows, past - far]. */
    function nearOutput(shares: Value): Value {
      const tokens = laidOut(rule, far, past, width);
      return openOutput(shares, near(key, tokens), at(value, tokens), far, past);
    }

    function openOutput(shares: Value, keys: Value, values: Value, from: number, to: number): Value {
      const inside = fusedMatmul(queries, keys, { transposeB: true, scale });
      const apart = reshape(inside, [batch, kvHeads, group * rows, to - from, width]);
      const filled = rule.landmarks ? add(apart, fillingMask(apart, rule, from, to, width)) : apart;
      return matmul(reshape(multiply(softmax(filled), unsqueeze(shares, 4)), inside.shape), values);
    }
  });
  const results = parts.map(({ finish, ...part }) => ({ ...finish(sharedOf(part)), tile: part.tile }));

  /** The blocks that all who share a choice open, for each row, [b, hkv, g rows, open]. */
  function sharedOf({ tile, farGates }: { readonly tile: Tile; readonly farGates?: Value }): Value | undefined {
    const { shared = 'none' } = rule;
    const open = Math.min(rule.open, tile.far);
    if (shared === 'none' || !farGates || open === 0) return undefined;
    const rows = tile.end - tile.start;
    const others =
      shared === 'tokens' ? parts.filter((part) => chunkOf(part.tile) === chunkOf(tile)) : [{ tile, farGates }];
    const most = others.flatMap(({ tile: { start, end }, farGates: own }) => {
      if (!own) return [];
      const u = softmax(own);
      // A NaN decides for nobody else.
      const known = reshape(where(isNaNumber(u), 0, u), [batch, kvHeads, group, end - start, tile.far]);
      return [reduceMax(known, shared === 'tokens' ? [3] : shared === 'group' ? [2] : [1, 2])];
    });
    const all = most.length > 1 ? reduceMax(concat(most, 3), [3]) : most[0]!;
    const [, best] = topK(all, open);
    return reshape(expand(best, [batch, kvHeads, group, rows, open]), [batch, kvHeads, group * rows, open]);
  }

  function chunkOf({ start }: Tile): number {
    return Math.floor((start + offset) / rule.chunk!);
  }

  const local = concat(
    results.map(({ output }) => output),
    2,
  );
  const choices = joinChoices(
    results.flatMap(({ chosen }) => (chosen ? [chosen] : [])),
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
        { queries: at(query, rowOfPair), chosen, keys: key, values: value, stride: rule.block + 1, width: rule.block },
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
    const keys = turn(reshape(pastKeys, [batch, kvHeads, blocks, width, headDim]), integers(0, width));
    const asking =
      choices[0]!.queries &&
      concat(
        choices.map((choice) => choice.queries!),
        2,
      );
    const ofHeads = attendChosenBlocks({
      rows: (b, h) => {
        const from = asking ?? query;
        const own = reshape(slice(slice(from, 0, b, b + 1), 1, h, h + 1), [Number(from.shape[2]), headDim]);
        return rule.landmarks ? concat([own, filledWith(own, [shape.queries, 1], 1)], 1) : own;
      },
      rowOfPair: asking ? integers(0, pairs) : rowOfPair,
      chosen,
      keys: rule.landmarks ? withFilling(keys, rule, width) : keys,
      values: reshape(pastValues, [batch, kvHeads, blocks, width, valueDim]),
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

/** Positions of the ordinary tokens of blocks [from, to), `width` of each: shorter blocks are filled with their last token. */
const laidOut = (rule: LandmarkRule, from: number, to: number, width: number): readonly number[] =>
  integers(from, to).flatMap((block) => {
    const tokens = tokensOf(rule, block);
    return integers(0, width).map((at) => tokens[Math.min(at, tokens.length - 1)]!);
  });

/** [to - from, width]: -infinity at the filling of shorter blocks. */
const fillingMask = (like: Value, rule: LandmarkRule, from: number, to: number, width: number): Value =>
  additiveMask(like, to - from, width, (block, column) => column < tokensOf(rule, from + block).length);

/** Keys [b, hkv, blocks, width, d] with one more column: 0, and a large negative number at the filling; queries have a 1 there. */
function withFilling(keys: Value, rule: LandmarkRule, width: number): Value {
  const [batch, kvHeads, blocks] = keys.shape as readonly [number, number, number];
  const column = integers(0, blocks).flatMap((block) => {
    const tokens = tokensOf(rule, block).length;
    return integers(0, width).map((at) => (at < tokens ? 0 : lowest(keys)));
  });
  const one = keys.graph.constant(keys.type, [1, 1, blocks, width, 1], column);
  return concat([keys, expand(one, [batch, kvHeads, blocks, width, 1])], 4);
}
