/**
 * Heads that read blocks of the past which they choose themselves, instead of everything: LongHeads (arXiv:2402.10685, the authors'
 * code; a token reads itself in the prompt too, as in decoding) and block retrieval after landmark attention (arXiv:2305.16300).
 *
 * Block c holds the rows [c w, (c + 1) w). A query of block c reads block 0, c - 1, c up to itself, and the best `open` of
 * 1 .. c - 2 by the product of a query with what stands for each block. All keys stay in the cache as they are, rotated at their
 * positions; a layer has this in a graph of its own, and a call in which no row chooses computes nothing of it.
 *
 * What stands for a block, made once when it is complete:
 * - `summary` (LongHeads), for each query head: o_i = attention of its queries over its keys in both directions, m = mean of o_i,
 *   sum_j softmax_j(m . R_{j mod w} k_j scale) R_{j mod w} k_j; its score is its product with the query before rotation;
 * - `mean`, for each key/value head: the mean of its keys;
 * - `max`, for each key/value head: the key that got the largest score of any query of the block and of its query heads;
 * - `mass`: nothing; the score is the attention that the block gets when everything is read.
 *
 * `reindexed` (LongHeads): the blocks that are read are renumbered 0, 1, .. K - 1 and the query stands in the last one, so that the
 * key j of the block in place r is (K - 1 - r) w + i mod w - j mod w away from the query i. In the own block and the one before it
 * these are the true distances. There is one product of queries and keys for each other place.
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { borrow, conditional } from '../../../kernels/graph/operators/conditional';
import {
  add,
  and,
  cast,
  equal,
  greater,
  less,
  lessOrEqual,
  multiply,
  not,
  or,
  subtract,
  where,
} from '../../../kernels/graph/operators/elementwise';
import {
  concat,
  gather,
  reshape,
  scatterElements,
  slice,
  transpose,
  unsqueeze,
} from '../../../kernels/graph/operators/layout';
import { fusedMatmul, matmul } from '../../../kernels/graph/operators/matrix';
import { argMax, cumulativeSum, reduceMax, reduceMean, softmax } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import { repeatHeads, scoreKeys, type HeadCounts } from '../grouped-heads';
import { flag, int32, int64, range, type FedRows, type GraphInput } from './fed-rows';
import { changeKind, headProblem, never } from './kind';
import type { BlockChoiceShape, Rotated } from './sizes';

export const blockChoiceOutputs = ['blocks.query', 'blocks.new'] as const;
/** For the rows of a call that choose: the score of each candidate, and 1 where it is opened, [b, h, n, blocks]; else empty. */
export const blockScoreOutputs = ['blocks.scores', 'blocks.chosen'] as const;

export interface BlockChoice {
  readonly shape: BlockChoiceShape;
  /** Whether any row of the call chooses. */
  readonly inUse: Value;
  /** Whether a block is completed by the call. */
  readonly completes: Value;
  /** Heads that choose, [b, h, 1, 1]; rows that do, [b, 1, n, 1]. */
  readonly heads: Value;
  readonly rows: Value;
  /** Blocks of the queries [n, 1] and of the keys [t], int32. */
  readonly ofQueries: Value;
  readonly ofKeys: Value;
  /** True where a block may be chosen by a query, [n, blocks]. */
  readonly candidates: Value;
  /** Blocks to find [1], and 1 for each of them that a variant opens, best first, [b, 1, 1, found]. */
  readonly most: Value;
  readonly kept: Value;
  /** Queries of the block that the call begins in, before it, [p, b, h, d]; where summaries or largest keys are made. */
  readonly queries?: Value;
  /** [blocks before, b, heads, d] */
  readonly before?: Value;
  /** Rows of the keys that complete blocks, [start], [end], and of the queries, [end]. */
  readonly keyStart: Value;
  readonly keyEnd: Value;
  readonly queryEnd: Value;
  /** 1 where key j is of block c, [t, blocks]; for `mass`. */
  readonly columns?: Value;
  readonly rotated?: Rotated;
  /** Cosines, then sines, [.., dimensions]: of the angles back to 0 [n], to the place in the own block [n], from block c to block 0 [blocks], and to the places from 0 on [K - 2]. */
  readonly turns?: { readonly zero: Value; readonly local: Value; readonly block: Value; readonly place: Value };
}

export interface ChoiceRules extends HeadCounts {
  readonly headDim: number;
  readonly scale: number;
}

/** Rotates the rotated dimensions of [b, heads, n, d] by cosines and sines [n, dimensions / 2]. */
export type Rotate = (x: Value, cos: Value, sin: Value, rotated: Rotated) => Value;

/** Query heads of a layer that choose the blocks of the past which they read; of several of one layer the last counts. */
export interface BlockChange {
  readonly kind: 'blocks';
  readonly layer: number;
  /** By query head. */
  readonly heads: readonly boolean[];
  /** Rows of a block. */
  readonly width: number;
  /** Blocks that are opened besides the first, the own and the one before it. */
  readonly open: number;
  /** The first row that chooses. */
  readonly from: number;
  readonly by: BlockChoiceShape['by'];
  /** Blocks that are read, where they are renumbered one behind the other. */
  readonly reindexed?: number;
  /** Who opens the same blocks; absent: each head alone. */
  readonly shared?: 'group' | 'heads';
}

export const blocks = changeKind<BlockChange>()({
  kind: 'blocks',
  parts: ['blocks'],
  ofAttention: true,
  rare: true,
  shaped: true,
  problem: ({ heads }, sizes) => headProblem(sizes, heads.length - 1),
  declare(graph, { heads, kvHeads, headDim, rotated }, { keys, blocks: shape }): BlockChoice | undefined {
    if (!shape) return undefined;
    const turn = (name: string, rows: string): Value =>
      graph.input(`block_turn_${name}`, 'float32', [rows, rotated?.dimensions ?? 0]);
    const one = (name: string): Value => graph.input(name, 'int64', [1]);
    return {
      shape,
      inUse: graph.input('use_blocks', 'bool', []),
      completes: graph.input('completes_blocks', 'bool', []),
      heads: graph.input('block_heads', 'bool', ['b', heads, 1, 1]),
      rows: graph.input('block_rows', 'bool', ['b', 1, 'n', 1]),
      ofQueries: graph.input('block_of_queries', 'int32', ['n', 1]),
      ofKeys: graph.input('block_of_keys', 'int32', [keys]),
      candidates: graph.input('block_candidates', 'bool', ['n', 'blocks']),
      most: one('block_most'),
      kept: graph.input('block_kept', 'float32', ['b', 1, 1, 'found']),
      ...(shape.by === 'summary' || shape.by === 'max'
        ? { queries: graph.input('block_queries', 'float32', ['started', 'b', heads, headDim]) }
        : {}),
      ...(shape.by === 'mass'
        ? { columns: graph.input('block_columns', 'float32', [keys, 'blocks']) }
        : {
            before: graph.input('block_before', 'float32', [
              'known',
              'b',
              shape.by === 'summary' ? heads : kvHeads,
              headDim,
            ]),
          }),
      keyStart: one('block_key_start'),
      keyEnd: one('block_key_end'),
      queryEnd: one('block_query_end'),
      ...(shape.reindexed !== undefined && rotated
        ? {
            rotated,
            turns: {
              zero: turn('zero', 'n'),
              local: turn('local', 'n'),
              block: turn('block', 'known blocks'),
              place: turn('place', 'places'),
            },
          }
        : {}),
    };
  },
  feeds(changes, sizes, rows) {
    const { heads, kvHeads, headDim, rotated } = sizes;
    const { start, length, blocks: memory } = rows;
    const choices = changes.map((own) => own.at(-1));
    const shape = shapeOf(changes, sizes.index);
    if (!shape || !memory) return {};
    if (memory.rows !== start) {
      throw new RangeError(`layer ${sizes.index} chose blocks up to row ${memory.rows}, and goes on from row ${start}`);
    }
    const { width: w } = shape;
    const b = changes.length;
    const keys = start + length;
    const begun = start - (start % w);
    const total = Math.floor(keys / w);
    const fresh = total - Math.floor(start / w);
    const acting = new Uint8Array(b * length);
    const chooses = new Uint8Array(b * heads);
    let most = 0;
    choices.forEach((choice, v) => {
      if (!choice) return;
      for (let head = 0; head < heads; head++) chooses[v * heads + head] = choice.heads[head] ? 1 : 0;
      for (let row = 0; row < length; row++) {
        const at = start + row;
        // Where all candidates are opened the row is read as it is.
        if (at < choice.from || Math.floor(at / w) - 2 <= choice.open) continue;
        acting[v * length + row] = 1;
        most = Math.max(most, choice.open);
      }
    });
    const kept = new Float32Array(b * most);
    choices.forEach((choice, v) => kept.fill(1, v * most, v * most + Math.min(most, choice?.open ?? 0)));
    const candidates = new Uint8Array(length * total);
    for (let row = 0; row < length; row++) {
      const own = Math.floor((start + row) / w);
      for (let at = 1; at <= own - 2; at++) candidates[row * total + at] = 1;
    }
    const blockOf = (row: number): number => Math.floor(row / w);
    const { before, blocks: known, queries, started } = memory.feeds();
    const standing = shape.by === 'summary' ? heads : kvHeads;
    return {
      use_blocks: flag(acting.includes(1)),
      completes_blocks: flag(fresh > 0),
      block_heads: { data: chooses, shape: [b, heads, 1, 1] },
      block_rows: { data: acting, shape: [b, 1, length, 1] },
      block_of_queries: int32(range(start, length).map(blockOf), [length, 1]),
      block_of_keys: int32(range(0, keys).map(blockOf), [keys]),
      block_candidates: { data: candidates, shape: [length, total] },
      block_most: int64(most),
      block_kept: { data: kept, shape: [b, 1, 1, most] },
      block_key_start: int64(begun),
      block_key_end: int64(begun + fresh * w),
      block_query_end: int64(fresh * w),
      ...(shape.by === 'summary' || shape.by === 'max'
        ? { block_queries: { data: queries, shape: [started, b, heads, headDim] } }
        : {}),
      ...(shape.by === 'mass'
        ? { block_columns: columnsOf(keys, total, w) }
        : { block_before: { data: before, shape: [known, b, standing, headDim] } }),
      ...(shape.reindexed === undefined || !rotated ? {} : turnFeeds(rows, rotated, w, shape.reindexed)),
    };
  },
  steps: never,
  withoutGradient: ({ layer }) =>
    `Layer ${layer} chooses the blocks that it reads, and what is chosen has no gradient. Leave that intervention out.`,
});

/** What the graph of a layer is opened with, undefined where no variant chooses blocks there. */
export function shapeOf(changes: readonly (readonly BlockChange[])[], layer: number): BlockChoiceShape | undefined {
  const [first, ...others] = changes.flatMap((own) => own.at(-1) ?? []).map(shapeOfOne);
  if (others.some((other) => JSON.stringify(other) !== JSON.stringify(first))) {
    throw new RangeError(`variants that run side by side choose the blocks of layer ${layer} in different ways`);
  }
  return first;
}

const shapeOfOne = ({ width, by, reindexed, shared }: BlockChange): BlockChoiceShape => ({
  width,
  by,
  ...(reindexed === undefined ? {} : { reindexed }),
  ...(shared === undefined ? {} : { shared }),
});

function columnsOf(keys: number, total: number, w: number): GraphInput {
  const data = new Float32Array(keys * total);
  for (let key = 0; key < total * w; key++) data[key * total + Math.floor(key / w)] = 1;
  return { data, shape: [keys, total] };
}

/** Turns of rows that stand at their positions from 0 on. */
function turnFeeds(
  { start, length, turnsOf }: FedRows,
  { dimensions }: Rotated,
  w: number,
  places: number,
): Record<string, GraphInput> {
  const turns = (positions: readonly number[]): GraphInput => ({
    data: turnsOf(positions),
    shape: [positions.length, dimensions],
  });
  const rows = range(start, length);
  return {
    block_turn_zero: turns(rows.map((row) => -row)),
    block_turn_local: turns(rows.map((row) => (row % w) - row)),
    block_turn_block: turns(range(0, Math.floor((start + length - 1) / w) + 1).map((at) => -at * w)),
    block_turn_place: turns(range(0, places - 2).map((place) => (places - 1 - place) * w)),
  };
}

export interface ChosenScores {
  /** True where a score is not that of the plain model, [b, h, n, t]. */
  readonly elsewhere: Value;
  readonly scores: Value;
}

/** What queries and keys give without any choice, as `attend` has them. */
export interface ChoiceOperands {
  /** [b, h, n, d], [b, g, t, d], [b, g, t, d] */
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  /** The scores of a product, e.g. soft-capped. */
  readonly capped: (raw: Value) => Value;
  /** Added to scores before softmax: the causal mask, [n, t]. */
  readonly mask: Value | undefined;
  /** What softmax sees at a key that is not read. */
  readonly masked: number;
  readonly rotate: Rotate;
}

/** Outputs for the next calls, and the scores of the rows and heads that choose. */
export function chosenScores(
  graph: GraphBuilder,
  choice: BlockChoice,
  rules: ChoiceRules,
  operands: ChoiceOperands,
): ChosenScores {
  const { query, key, capped, mask, masked, rotate } = operands;
  const { shape } = choice;
  graph.output(transpose(query, [2, 0, 1, 3], 'blocks.query'));
  const representatives = choice.before && representativesOf(graph, choice, choice.before, rules, operands);
  const counts = { heads: rules.heads, kvHeads: rules.kvHeads };
  const [elsewhere, scores, candidateScores, chosenBlocks] = conditional(
    choice.inUse,
    (branch) => {
      const here = (outer: Value): Value => borrow(branch, outer);
      const [q, k] = [here(query), here(key)];
      const plain = (): Value => capped(scoreKeys(q, k, rules.scale, counts));
      const raw = ((): Value => {
        if (choice.columns) {
          const read = mask ? add(plain(), here(mask)) : plain();
          return matmul(softmax(read), here(choice.columns));
        }
        const known = transpose(here(representatives ?? key), [1, 2, 0, 3]);
        if (shape.by !== 'summary') return scoreKeys(q, known, rules.scale, counts);
        const unrotated =
          choice.turns && choice.rotated ? turned(q, here(choice.turns.zero), choice.rotated, rotate) : q;
        return fusedMatmul(unrotated, known, { transposeB: true });
      })();
      const candidates = here(choice.candidates);
      const own = where(candidates, raw, masked);
      const scored =
        shape.shared === undefined ? own : where(candidates, sharedShares(own, shape.shared, rules), masked);
      const chosen = bestOf(scored, here(choice.most), here(choice.kept));
      // Rows of the past are of complete blocks or near: what is behind the last complete block is read as it is.
      const count = branch.node('Shape', [chosen], [{ type: 'int64', shape: [1] }], {
        start: { kind: 'int', value: 3 },
      })[0];
      const ofKeys = here(choice.ofKeys);
      const last = cast(subtract(count, 1), 'int32');
      const column = branch.node('Min', [ofKeys, last], [{ type: 'int32', shape: ofKeys.shape }])[0];
      const opened = gather(chosen, column, 3);
      const distance = subtract(here(choice.ofQueries), ofKeys);
      const near = lessOrEqual(distance, 1);
      const first = equal(ofKeys, 0);
      const acting = and(here(choice.heads), here(choice.rows));
      const far = and(acting, not(near));
      if (shape.reindexed === undefined || !choice.turns || !choice.rotated) {
        const closed = and(far, not(or(greater(opened, 0.5), first)));
        return [
          loose(closed, 'elsewhere'),
          branch.constant('float32', [1, 1, 1, 1], [masked]),
          loose(scored, 'scored'),
          loose(chosen, 'chosen'),
        ];
      }
      // Places: 0 of block 0, from 1 on of the chosen ones in the order of the text.
      const place = gather(multiply(cumulativeSum(chosen, 3), chosen), column, 3);
      const localQuery = turned(q, here(choice.turns.local), choice.rotated, rotate);
      const back = gather(here(choice.turns.block), ofKeys, 0);
      const localKey = turned(k, back, choice.rotated, rotate);
      let placed: Value = branch.constant('float32', [1, 1, 1, 1], [masked]);
      for (let r = 0; r < shape.reindexed - 2; r++) {
        const at = slice(here(choice.turns.place), 0, r, r + 1);
        const score = capped(scoreKeys(turned(localQuery, at, choice.rotated, rotate), localKey, rules.scale, counts));
        // Nothing is chosen for block 0, so that its keys have place 0 alone.
        placed = where(r === 0 ? first : equal(place, r), score, placed);
      }
      return [loose(far, 'elsewhere'), loose(placed, 'placed'), loose(scored, 'scored'), loose(chosen, 'chosen')];
    },
    (branch) => [
      branch.constant('bool', [1, 1, 1, 1], [0]),
      branch.constant('float32', [1, 1, 1, 1], [0]),
      branch.constant('float32', [0, 0, 0, 0], []),
      branch.constant('float32', [0, 0, 0, 0], []),
    ],
    ['blocks.elsewhere', 'blocks.other_scores', ...blockScoreOutputs],
  );
  if (!elsewhere || !scores || !candidateScores || !chosenBlocks)
    throw new Error('unreachable: the conditional gives four values');
  graph.output(candidateScores);
  graph.output(chosenBlocks);
  const whole = [query.shape[0] ?? 'b', rules.heads, query.shape[2] ?? 'n', key.shape[2] ?? 't'];
  return { elsewhere: { ...elsewhere, shape: whole }, scores: { ...scores, shape: whole } };
}

/** With axes of its own: the other branch gives a smaller array, and the runtime would reuse memory of the size that it was told. */
const loose = (x: Value, name: string): Value => ({ ...x, shape: x.shape.map((_, axis) => `${name}${axis}`) });

const turned = (x: Value, turn: Value, rotated: Rotated, rotate: Rotate): Value => {
  const half = rotated.dimensions / 2;
  return rotate(x, slice(turn, 1, 0, half), slice(turn, 1, half), rotated);
};

/** 1 for the best blocks of each row as many as `kept` says, [b, h, n, blocks]; the earlier of two equal ones first. */
function bestOf(scores: Value, most: Value, kept: Value): Value {
  const { graph } = scores;
  const found = [...scores.shape.slice(0, -1), 'found'];
  const [, at] = graph.node(
    'TopK',
    [scores, most],
    [
      { type: 'float32', shape: found },
      { type: 'int64', shape: found },
    ],
    { axis: { kind: 'int', value: 3 }, largest: { kind: 'int', value: 1 }, sorted: { kind: 'int', value: 1 } },
  );
  const none = cast(less(scores, scores), 'float32');
  return scatterElements(none, at, add(cast(less(at, 0), 'float32'), kept), 3);
}

/** The largest share of the candidates' softmax that any head of those that choose together gives a block. */
function sharedShares(scores: Value, shared: 'group' | 'heads', { heads, kvHeads }: ChoiceRules): Value {
  const shares = softmax(scores);
  const together = shared === 'heads' ? heads : heads / kvHeads;
  const parts: Value[] = [];
  for (let from = 0; from < heads; from += together) {
    const most = reduceMax(slice(shares, 1, from, from + together), [1]);
    for (let head = 0; head < together; head++) parts.push(most);
  }
  return concat(parts, 1);
}

/** What stands for all complete blocks, [blocks, b, heads, d]; those that the call completes are an output. */
function representativesOf(
  graph: GraphBuilder,
  choice: BlockChoice,
  before: Value,
  rules: ChoiceRules,
  { query, key, value, rotate }: ChoiceOperands,
): Value {
  const { heads, kvHeads, headDim, scale } = rules;
  const { width: w, by } = choice.shape;
  const standing = before.shape[2] ?? heads;
  const [made, all] = conditional(
    choice.completes,
    (branch) => {
      const here = (outer: Value): Value => borrow(branch, outer);
      const rows = (x: Value, start: Value, end: Value, axis: number): Value => {
        const shape = x.shape.map((dim, at) => (at === axis ? `${w}*fresh` : dim));
        const axes = branch.constant('int64', [1], [axis]);
        return branch.node('Slice', [x, start, end, axes], [{ type: 'float32', shape }])[0];
      };
      const [from, to] = [here(choice.keyStart), here(choice.keyEnd)];
      /** [b, heads, w fresh, d] -> [b, heads, fresh, w, d] */
      const inBlocks = (x: Value): Value => reshape(x, [x.shape[0] ?? 'b', x.shape[1] ?? 1, 'fresh', w, headDim]);
      const keys = rows(here(key), from, to, 2);
      const made = ((): Value => {
        if (by === 'mean') return reshape(reduceMean(inBlocks(keys), [3]), ['b', kvHeads, 'fresh', headDim]);
        const joined = concat([here(choice.queries ?? query), transpose(here(query), [2, 0, 1, 3])], 0);
        const own = transpose(rows(joined, branch.constant('int64', [1], [0]), here(choice.queryEnd), 0), [1, 2, 0, 3]);
        const all = repeatHeads(branch, keys, { heads, kvHeads });
        const scores = fusedMatmul(inBlocks(own), inBlocks(all), { transposeB: true, scale }); // [b, h, fresh, w, w]
        if (by === 'max') return largestKeys(scores, inBlocks(keys), rules);
        const values = repeatHeads(branch, rows(here(value), from, to, 2), { heads, kvHeads });
        const means = reduceMean(matmul(softmax(scores), inBlocks(values)), [3]); // [b, h, fresh, 1, d]
        const turn = choice.turns && choice.rotated;
        const local =
          turn && choice.turns && choice.rotated
            ? turned(
                all,
                // Blocks of the keys that complete them, from the turns of all.
                gather(here(choice.turns.block), rows1(here(choice.ofKeys), from, to, w), 0),
                choice.rotated,
                rotate,
              )
            : all;
        const weights = softmax(fusedMatmul(means, inBlocks(local), { transposeB: true, scale }));
        return reshape(matmul(weights, inBlocks(local)), ['b', heads, 'fresh', headDim]);
      })();
      const ordered = transpose(made, [2, 0, 1, 3]);
      return [loose(ordered, 'made'), concat([here(before), ordered], 0)];
    },
    (branch) => [branch.constant('float32', [0, 0, 0, 0], []), same(borrow(branch, before))],
    ['blocks.new', 'blocks.all'],
  );
  if (!made || !all) throw new Error('unreachable: the conditional gives two values');
  graph.output(made);
  return { ...all, shape: ['blocks', 'b', standing, headDim] };
}

/** A branch gives values of its own. */
const same = (x: Value): Value => x.graph.node('Identity', [x], [{ type: x.type, shape: x.shape }])[0];

/** Entries [start, end) of a list. */
const rows1 = (x: Value, start: Value, end: Value, w: number): Value =>
  x.graph.node('Slice', [x, start, end], [{ type: x.type, shape: [`${w}*fresh`] }])[0];

/**
 * From scores [b, h, fresh, w, w] and keys [b, g, fresh, w, d], the key with the largest score of any query and query head,
 * [b, g, fresh, d].
 */
function largestKeys(scores: Value, keys: Value, { heads, kvHeads, headDim }: ChoiceRules): Value {
  const group = heads / kvHeads;
  const perHead = reduceMax(scores, [3], false); // [b, h, fresh, w]
  const perGroup = Array.from({ length: kvHeads }, (_, g) =>
    reduceMax(slice(perHead, 1, g * group, (g + 1) * group), [1]),
  );
  const at = unsqueeze(argMax(concat(perGroup, 1), 3, true), 4); // [b, g, fresh, 1, 1]
  const { graph } = keys;
  // Every component of the key: zeros of its width spread the index.
  const spread = add(at, graph.constant('int64', [headDim], Array<number>(headDim).fill(0)));
  const found = graph.node(
    'GatherElements',
    [keys, spread],
    [{ type: 'float32', shape: ['b', kvHeads, 'fresh', 1, headDim] }],
    {
      axis: { kind: 'int', value: 3 },
    },
  )[0];
  return reshape(found, ['b', kvHeads, 'fresh', headDim]);
}
