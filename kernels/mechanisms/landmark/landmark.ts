import { pairFlops, tensorBytes } from '../../cost/attention';
import type { Cost } from '../../cost/cost';
import { additiveMask, attentionGraph, foldGroup, groupQueries, unfoldGroup } from '../../graph/attention-graph';
import { attendChosenBlocks, computedPairs } from '../../graph/chosen-blocks';
import { add, multiply } from '../../graph/operators/elementwise';
import { concat, gather, gatherRange, reshape, slice, unsqueeze } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { reduceSum, softmax, topK } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { Mechanism } from '../../mechanism';
import { allRows } from '../../reference/softmax';
import { queryOffset, type AttentionShape } from '../../shape';
import { blockOf, isLandmark, landmarkChoice, landmarkRows, type LandmarkRule } from './reference';

interface Parameters extends Record<string, number | string> {
  readonly block: number;
  readonly mode: 'train' | 'topk';
  readonly open: number;
}

const ruleOf = ({ block, mode, open }: Parameters): LandmarkRule => ({
  block,
  open: mode === 'train' ? Number.POSITIVE_INFINITY : open,
});

/** Blocks that have a landmark and tokens after it: those that a query may open. */
const pastBlocks = (shape: AttentionShape, rule: LandmarkRule): number => blockOf(rule, shape.keys - 1);

/** Whether some query has more past blocks than it opens. */
const chooses = (shape: AttentionShape, rule: LandmarkRule): boolean => rule.open < pastBlocks(shape, rule);

interface Tile {
  /** Queries [start, end). */
  readonly start: number;
  readonly end: number;
  /** Blocks [0, past) precede some query of the tile; its own blocks begin at `first`. */
  readonly first: number;
  readonly past: number;
  /** Ordinary positions of its own blocks, up to its last query. */
  readonly local: readonly number[];
}

/**
 * Tiles of whole blocks, about 256 rows: a product packs its keys anew for each tile, and every tile is a dozen operations.
 * With 51 rows a tile, blocks of 50, mode topk took 187 ms where 255 rows take 152, though their local scores are five times
 * as many (8 heads of 64, 8192 positions, 2 open blocks, 2 threads, onnxruntime 1.30, 2026-11).
 */
function tilesOf(shape: AttentionShape, rule: LandmarkRule): readonly Tile[] {
  const size = rule.block + 1;
  const rows = size * Math.max(1, Math.floor(256 / size));
  const offset = queryOffset(shape);
  const tiles: Tile[] = [];
  for (let from = Math.floor(offset / rows) * rows; from < shape.keys; from += rows) {
    const to = Math.min(from + rows, shape.keys);
    const local: number[] = [];
    for (let j = from; j < to; j++) if (!isLandmark(rule, j)) local.push(j);
    tiles.push({
      start: Math.max(from, offset) - offset,
      end: to - offset,
      first: from / size,
      past: blockOf(rule, to - 1),
      local,
    });
  }
  return tiles;
}

export const landmark: Mechanism<Parameters> = {
  id: 'landmark',
  title: 'Landmark attention',
  family: 'sparse',
  summary:
    'Every block of tokens ends in a landmark, whose key stands for the block: a query weighs landmarks beside its own block, and reads inside a past block only through its landmark’s weight. In mode topk it opens its best blocks only, found by the attention itself.',
  source: {
    reference: 'arXiv:2305.16300, section 3; released code epfml/landmark-attention',
    trust: 'high',
    note: 'Every (block + 1)-th position is a landmark. Blocks are chosen for each token and head, the release’s default; its shared choices and its renumbered positions belong to the model around the kernel. A landmark’s query reads the ordinary tokens of its own block.',
  },
  template: {
    projected: 'a landmark key for each block',
    scores: 'softmax over landmarks times softmax inside a block',
    positions: { words: 'own block, past blocks by their landmarks', chosen: 'by data' },
    normaliser: {
      words: 'softmax in groups: landmarks beside the own block, then inside each block',
      averagesValues: true,
    },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'sparse',
    state: { words: 'keys and values of all positions, landmarks among them', grows: true },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'the landmarks of all parts, then the blocks that are opened',
    },
  },
  parameters: {
    block: {
      kind: 'integer',
      title: 'Block',
      description: 'Ordinary tokens of a block, before its landmark: 50 in the paper, 63 for LLaMA.',
      min: 1,
      max: 1 << 20,
      default: 50,
    },
    mode: {
      kind: 'choice',
      title: 'Mode',
      description: 'train opens every past block, topk the best ones of each query.',
      options: ['train', 'topk'],
      default: 'topk',
    },
    open: {
      kind: 'integer',
      title: 'Blocks opened',
      description: 'Past blocks that a query reads in mode topk: 1 to 5 in the paper.',
      min: 0,
      max: 4096,
      default: 4,
    },
  },
  layout: 'heads-first',
  exponent: 2,
  supports(shape) {
    switch (shape.pattern) {
      case 'causal-self':
        return { ok: true };
      case 'noncausal-self':
        return {
          ok: false,
          why: 'A landmark closes the block before it, and a query reads its own block up to itself: both need a direction.',
        };
      case 'noncausal-cross':
      case 'causal-cross':
        return {
          ok: false,
          why: 'A query reads its own block token by token: in cross attention it lies in no block of the keys.',
        };
    }
  },
  reference: (inputs, shape, parameters) => landmarkRows(inputs, shape, ruleOf(parameters), allRows(shape)),
  referenceRows: (inputs, shape, parameters, rows) => landmarkRows(inputs, shape, ruleOf(parameters), rows),
  build: (full, parameters, precision) =>
    attentionGraph('landmark', full, precision, 'heads-first', ({ query, key, value }, shape) =>
      graphOutput(query, key, value, shape, ruleOf(parameters)),
    ),
  cost: (shape, parameters) => landmarkCost(shape, ruleOf(parameters)),
  pattern(shape, parameters) {
    const rule = ruleOf(parameters);
    const offset = queryOffset(shape);
    const rows = Math.max(
      ...tilesOf({ ...shape, queries: Math.min(shape.queries, shape.keys) }, rule).map((tile) => tile.end - tile.start),
    );
    return {
      dependsOnData: chooses(shape, rule),
      reads: (_head, query, key) => {
        const position = query + offset;
        if (key > position || isLandmark(rule, key)) return false;
        return blockOf(rule, key) === blockOf(rule, position) || rule.open > 0;
      },
      // A landmark's key decides how much of its block is read; its value never is.
      summarises: (_head, query, key) =>
        rule.open > 0 && isLandmark(rule, key) && blockOf(rule, key) < blockOf(rule, query + offset),
      block: { queries: rows, keys: rows },
    };
  },
  chosen: (inputs, shape, parameters, head) => landmarkChoice(inputs, shape, ruleOf(parameters), head),
  limits: [
    {
      name: 'one block over the whole sequence',
      parameters: (shape) => ({ block: shape.keys }),
      equals: 'scaled-dot-product',
    },
  ],
};

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
function graphOutput(query: Value, key: Value, value: Value, shape: AttentionShape, rule: LandmarkRule): Value {
  const { batch, heads, kvHeads, headDim, valueDim } = shape;
  const { graph } = key;
  const group = heads / kvHeads;
  const size = rule.block + 1;
  const blocks = pastBlocks(shape, rule);
  const choosing = chooses(shape, rule) && rule.open > 0;
  const scale = headDim ** -0.5;
  const offset = queryOffset(shape);
  const grouped = groupQueries(query, shape);
  const at = (x: Value, positions: readonly number[]) =>
    gather(x, graph.constant('int64', [positions.length], positions), 2);
  const opens = rule.open > 0 && blocks > 0;
  const landmarks = opens
    ? at(
        key,
        range(blocks).map((block) => block * size + rule.block),
      )
    : undefined;
  const ordinary = opens
    ? range(blocks).flatMap((block) => range(rule.block).map((place) => block * size + place))
    : [];
  const [pastKeys, pastValues] = opens ? [at(key, ordinary), at(value, ordinary)] : [key, value];

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
      const inside = fusedMatmul(queries, gatherRange(pastKeys, 2, 0, past * rule.block), { transposeB: true, scale });
      const byBlock = softmax(reshape(inside, [batch, kvHeads, group * rows, past, rule.block]));
      const weights = reshape(multiply(byBlock, unsqueeze(shares, 4)), inside.shape);
      const output = add(
        matmul(slice(first, 3, 0, localCount), localValues),
        matmul(weights, gatherRange(pastValues, 2, 0, past * rule.block)),
      );
      return { output: unfoldGroup(output, shape), chosen: undefined };
    }
    const open = Math.min(rule.open, past);
    const [best, chosen] = topK(gates, open);
    const first = softmax(concat([local, best], 3));
    // Sorting knows no NaN: one among the landmarks reaches the row by way of their sum.
    const spoiled = multiply(reduceSum(raw, [3]), 0);
    const output = add(matmul(slice(first, 3, 0, localCount), localValues), spoiled);
    return {
      output: unfoldGroup(output, shape),
      chosen: { rows, open, start: tile.start, shares: slice(first, 3, localCount), blocks: chosen },
    };
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
  const ofHeads = attendChosenBlocks({
    rows: (b, h) => reshape(slice(slice(query, 0, b, b + 1), 1, h, h + 1), [shape.queries, headDim]),
    rowOfPair: choices.flatMap(({ rows, open, start }) =>
      range(rows).flatMap((row) => range(open).map(() => start + row)),
    ),
    chosen: concat(
      choices.map((choice) => flat(choice.blocks, choice)),
      2,
    ),
    keys: reshape(pastKeys, [batch, kvHeads, blocks, rule.block, headDim]),
    values: reshape(pastValues, [batch, kvHeads, blocks, rule.block, valueDim]),
    scale,
  });
  const pairs = Number(ofHeads[0]!.output.shape[0]);
  const output = reshape(
    concat(
      ofHeads.map((each) => each.output),
      0,
    ),
    [batch, heads, pairs, valueDim],
  );
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

  function zerosOf(rows: number): Value {
    return graph.constant(
      query.type,
      [batch, heads, rows, valueDim],
      new Float32Array(batch * heads * rows * valueDim),
    );
  }
}

const range = (length: number): readonly number[] => Array.from({ length }, (_, i) => i);

/**
 * Letters as in cost/attention.ts; P pairs of a query and an opened block, filled up to whole segments.
 * flops = b h ((local pairs + opened pairs) (2 d + 2 e + 5) + landmark scores (2 d + 5) + P log2 P + 3 P e), in mode train one
 * more for each opened pair instead of the sort and the sum.
 */
function landmarkCost(full: AttentionShape, rule: LandmarkRule): Cost {
  const shape = { ...full, queries: Math.min(full.queries, full.keys) };
  const { batch, heads, kvHeads, headDim: d, valueDim: e } = shape;
  const tiles = tilesOf(shape, rule);
  const opens = rule.open > 0;
  const choosing = chooses(shape, rule) && opens;
  let [localPairs, landmarkPairs, openedPairs, pairs, copied, largest] = [0, 0, 0, 0, 0, 0];
  for (const { start, end, past, local } of tiles) {
    const rows = end - start;
    localPairs += rows * local.length;
    copied += local.length;
    if (!opens) continue;
    landmarkPairs += rows * past;
    copied += past / 2 + (choosing ? 0 : past * rule.block);
    if (choosing) pairs += rows * Math.min(rule.open, past);
    else openedPairs += rows * past * rule.block;
    largest = Math.max(largest, rows * (local.length + past * (choosing ? 1 : size(rule))));
  }
  const computed = choosing ? computedPairs(pairs, pastBlocks(shape, rule)) : 0;
  openedPairs += computed * rule.block;
  const perHead = batch * heads;
  const moved = perHead * computed * (d + 2 * e) + (perHead * computed * rule.block * (d + e)) / 64;
  return {
    flops:
      pairFlops(shape, localPairs + openedPairs) +
      perHead * (landmarkPairs * (2 * d + 5) + (choosing ? pairs * Math.log2(pairs + 1) + 3 * pairs * e : openedPairs)),
    bytes:
      tensorBytes(full) +
      8 * batch * kvHeads * copied * (d + e) +
      16 * perHead * (localPairs + landmarkPairs + openedPairs) +
      8 * moved,
    peakBytes: 2 * tensorBytes(full) + 8 * perHead * largest + 4 * moved + 8 * perHead * computed * rule.block,
  };
}

const size = ({ block }: LandmarkRule): number => block + 1;
