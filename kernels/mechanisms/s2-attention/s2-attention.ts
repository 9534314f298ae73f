import { tiledCost } from '../../cost/attention';
import type { Cost } from '../../cost/cost';
import { attentionGraph } from '../../graph/attention-graph';
import { attendByClass, shapeOfClass, type HeadClass } from '../../graph/head-classes';
import { integers } from '../../integers';
import type { Mechanism } from '../../mechanism';
import { allRows, softmaxRows } from '../../reference/softmax';
import { isCausalSelf, queryOffset, type AttentionShape } from '../../shape';
import { keptDecoding, type KeptPattern } from '../kept-decoding';
import { causalInTiles, exactTiles, tiled } from '../tiled';
import {
  blocksOfTile,
  causalBlocks,
  causalTiles,
  mostColumns,
  openBlocks,
  openTileSizes,
  patternHead,
  type BlockedPattern,
} from './graph';
import { columnsBefore, firstColumn, readsBlock, readsBlockBothWays, usualStep } from './pattern';
import * as field from '../../parameters';

export interface S2Parameters extends Record<string, number | boolean> {
  readonly block: number;
  readonly localBlocks: number;
  readonly verticalStride: number;
  readonly step: number;
  readonly offset: number;
  readonly denseHeads: number;
  readonly homogeneous: boolean;
  readonly sink: boolean;
}

const patternOf = (shape: AttentionShape, parameters: S2Parameters): BlockedPattern => ({
  ...parameters,
  step: parameters.step || usualStep(parameters.verticalStride, shape.heads),
});

interface Heads {
  readonly sparse: readonly number[];
  readonly dense: readonly number[];
}

/** Key/value heads: the last `denseHeads` are dense, and all where nothing is left out. */
function headsOf(shape: AttentionShape, { denseHeads, verticalStride, localBlocks, block }: S2Parameters): Heads {
  const all = verticalStride === 1 || localBlocks * block >= shape.keys;
  const sparse = all ? 0 : Math.max(0, shape.kvHeads - denseHeads);
  return { sparse: integers(0, sparse), dense: integers(sparse, shape.kvHeads) };
}

function readsOf(
  shape: AttentionShape,
  parameters: S2Parameters,
): (head: number, query: number, key: number) => boolean {
  const pattern = patternOf(shape, parameters);
  const offset = queryOffset(shape);
  const group = shape.heads / shape.kvHeads;
  const firstDense = shape.kvHeads - parameters.denseHeads;
  return (head, query, key) => {
    const position = query + offset;
    const [own, other] = [Math.floor(position / pattern.block), Math.floor(key / pattern.block)];
    const kvHead = Math.floor(head / group);
    if (isCausalSelf(shape)) {
      return key <= position && (kvHead >= firstDense || readsBlock(pattern, patternHead(pattern, kvHead), own, other));
    }
    return kvHead >= firstDense || readsBlockBothWays(pattern, own, other);
  };
}

/**
 * A decoder keeps the latest blocks and the columns of a head, l B + (n - l B) / v positions: a block that leaves the latest ones
 * and is no column is never read again. Heads of the same columns share a cache.
 */
function keptBlocks(shape: AttentionShape, parameters: S2Parameters): readonly KeptPattern[] {
  const pattern = patternOf(shape, parameters);
  const { block, localBlocks } = pattern;
  const firstDense = Math.max(0, shape.kvHeads - parameters.denseHeads);
  const columnOf = (head: number) => firstColumn(pattern, patternHead(pattern, head));
  const columns = [...new Set(integers(0, firstDense).map(columnOf))];
  const groups = columns.map((column) => integers(0, firstDense).filter((head) => columnOf(head) === column));
  const sparse = groups.map((heads) => ({
    heads,
    keptAt: (position: number) => {
      const local = Math.max(0, Math.floor(position / block) - localBlocks + 1);
      const past = columnsBefore(pattern, patternHead(pattern, heads[0]!), local);
      return [
        ...past.flatMap((column) => integers(column * block, (column + 1) * block)),
        ...integers(local * block, position),
      ];
    },
  }));
  const dense = { heads: integers(firstDense, shape.kvHeads), keptAt: (position: number) => integers(0, position) };
  return dense.heads.length > 0 ? [...sparse, dense] : sparse;
}

export const s2Attention: Mechanism<S2Parameters> = {
  id: 's2-attention',
  title: 'S2-Attention',
  family: 'sparse',
  summary:
    'Each head reads its latest blocks and every v-th block of the past, and heads take different columns, so that together they read everything. Cost falls towards 1 / v of full attention, and so does the cache of a head.',
  source: {
    reference: 'arXiv:2407.17678; released code linxihui/dkernel; defaults of Phi-3-small’s configuration',
    trust: 'high',
    note: 'High for the pattern; which layers stay dense is not settled by the source. The sink option is our choice, since only head 0 keeps the first block. Scores are divided by sqrt(d), not by d as in Phi-3-small.',
  },
  template: {
    projected: 'nothing',
    scores: 'q·k / √d',
    positions: {
      words: 'latest blocks and every v-th block of the past, other ones for each head',
      chosen: 'beforehand',
    },
    normaliser: { words: 'softmax over the keys read', averagesValues: true },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'sparse',
    state: { words: 'keys and values of latest blocks and of the head’s columns', grows: true },
    sharded: {
      heads: 'nothing; each worker keeps the columns of its heads',
      headsIndependent: true,
      sequence: 'of each head the blocks of its columns, 1 / v of all',
    },
  },
  parameters: {
    block: field.integer('Block', 'Positions of a block: a power of two from 16 on in the released kernel.', {
      min: 1,
      max: 4096,
      default: 64,
    }),
    localBlocks: field.integer(
      'Local blocks',
      'Latest blocks that a query reads, its own included: 16 in Phi-3-small.',
      { min: 1, max: 1 << 20, default: 16 },
    ),
    verticalStride: field.integer(
      'Vertical stride',
      'Of how many blocks of the past a head reads one; 1 reads everything.',
      { min: 1, max: 4096, default: 8 },
    ),
    step: field.integer(
      'Step',
      'Blocks by which the columns move from head to head; 0: stride / query heads, at least 1.',
      { min: 0, max: 4096, default: 0 },
    ),
    offset: field.integer('Offset', 'Blocks by which all columns are moved.', { min: 0, max: 4096, default: 0 }),
    denseHeads: field.integer('Dense heads', 'Key/value heads, from the last, that read everything.', {
      min: 0,
      max: 1024,
      default: 0,
    }),
    homogeneous: field.flag('Same columns in every head', 'Whether the heads leave the same blocks out.', false),
    sink: field.flag('Sink', 'Whether every head reads the first block.', false),
  },
  layout: 'heads-first',
  exponent: 2,
  supports(shape) {
    if (shape.pattern === 'noncausal-cross' || shape.pattern === 'causal-cross') {
      return {
        ok: false,
        why: 'Local blocks need queries and keys of one sequence: in cross attention no block is near.',
      };
    }
    if (shape.pattern === 'noncausal-self' && shape.queries > shape.keys) {
      return {
        ok: false,
        why: `Blocks in both directions need a key at each query's position: ${shape.queries} queries have ${shape.keys} keys.`,
      };
    }
    return { ok: true };
  },
  reference: (inputs, shape, parameters) =>
    softmaxRows(inputs, shape, allRows(shape), { reads: readsOf(shape, parameters) }),
  referenceRows: (inputs, shape, parameters, rows) =>
    softmaxRows(inputs, shape, rows, { reads: readsOf(shape, parameters) }),
  build: (full, parameters, precision) =>
    attentionGraph('s2-attention', full, precision, 'heads-first', ({ query, key, value }, shape) => {
      const pattern = patternOf(shape, parameters);
      const { sparse, dense } = headsOf(shape, parameters);
      const classes: readonly HeadClass[] = [
        {
          heads: sparse,
          attend: (q, k, v, own) =>
            isCausalSelf(own)
              ? causalBlocks(
                  q,
                  k,
                  v,
                  own,
                  pattern,
                  sparse.map((head) => patternHead(pattern, head)),
                )
              : openBlocks(q, k, v, own, pattern),
        },
        {
          heads: dense,
          attend: (q, k, v, own) =>
            isCausalSelf(own)
              ? causalInTiles(q, k, v, own, exactTiles)
              : openBlocks(q, k, v, own, { ...pattern, block: exactTiles.rows, verticalStride: 1 }),
        },
      ];
      return attendByClass(
        query,
        key,
        value,
        shape,
        classes.filter(({ heads }) => heads.length > 0),
      );
    }),
  cost(shape, parameters) {
    const seeing = isCausalSelf(shape) ? { ...shape, queries: Math.min(shape.queries, shape.keys) } : shape;
    const pattern = patternOf(shape, parameters);
    const { sparse, dense } = headsOf(shape, parameters);
    const costs: readonly Cost[] = [
      ...(sparse.length > 0 ? [sparseCost(shapeOfClass(seeing, sparse), pattern)] : []),
      ...(dense.length > 0 ? [tiled.cost(shapeOfClass(seeing, dense), exactTiles)] : []),
    ];
    const sum = (of: (cost: Cost) => number) => costs.reduce((total, cost) => total + of(cost), 0);
    return { flops: sum((c) => c.flops), bytes: sum((c) => c.bytes), peakBytes: sum((c) => c.peakBytes) };
  },
  pattern(shape, parameters) {
    const pattern = patternOf(shape, parameters);
    const rows = pattern.block * (isCausalSelf(shape) ? blocksOfTile(pattern) : 1);
    const widest = headsOf(shape, parameters).dense.length > 0 ? Math.max(rows, exactTiles.rows) : rows;
    return {
      dependsOnData: false,
      reads: readsOf(shape, parameters),
      block: { queries: widest, keys: widest },
    };
  },
  decode: keptDecoding('s2-attention', keptBlocks),
  limits: [
    { name: 'a vertical stride of one', parameters: () => ({ verticalStride: 1 }), equals: 'scaled-dot-product' },
    {
      name: 'local blocks over the whole sequence',
      parameters: (shape) => ({ block: 8, localBlocks: Math.ceil(shape.keys / 8) }),
      equals: 'scaled-dot-product',
    },
    {
      name: 'dense heads only',
      parameters: (shape) => ({ block: 8, localBlocks: 1, denseHeads: shape.kvHeads }),
      equals: 'scaled-dot-product',
    },
  ],
};

function sparseCost(shape: AttentionShape, pattern: BlockedPattern): Cost {
  const tiles = isCausalSelf(shape)
    ? causalTiles(shape, pattern).map((tile) => {
        const most = mostColumns(pattern, shape.kvHeads, tile.before);
        return { rows: tile.end - tile.start, keys: tile.to - tile.from + (most > 0 ? (most + 1) * pattern.block : 0) };
      })
    : openTileSizes(shape, pattern);
  const most = (of: (tile: { rows: number; keys: number }) => number) =>
    tiles.reduce((highest, tile) => Math.max(highest, of(tile)), 0);
  return tiledCost(shape, {
    pairs: tiles.reduce((sum, { rows, keys }) => sum + rows * keys, 0),
    tileRows: most(({ rows }) => rows),
    tileKeys: most(({ keys }) => keys),
    copiedKeys: tiles.reduce((sum, { keys }) => sum + keys, 0),
    workBytes: isCausalSelf(shape)
      ? 4 * shape.batch * shape.kvHeads * shape.keys * (shape.headDim + shape.valueDim + 2)
      : 0,
  });
}
