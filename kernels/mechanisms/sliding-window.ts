import { tiledCost } from '../cost/attention';
import { additiveMask, attentionGraph, foldGroup, groupQueries, unfoldGroup } from '../graph/attention-graph';
import { add } from '../graph/operators/elementwise';
import { concat, gatherRange, reshape } from '../graph/operators/layout';
import { fusedMatmul, matmul } from '../graph/operators/matrix';
import { softmax } from '../graph/operators/reduce';
import { integers } from '../integers';
import type { Mechanism } from '../mechanism';
import { allRows, softmaxRows } from '../reference/softmax';
import { isCausalSelf, queryOffset, type AttentionShape } from '../shape';
import { keptDecoding } from './kept-decoding';
import * as field from '../parameters';

interface Parameters extends Record<string, number> {
  readonly window: number;
}

export const slidingWindow: Mechanism<Parameters> = {
  id: 'sliding-window',
  title: 'Sliding window',
  family: 'sparse',
  summary:
    'Each query reads the keys near it only: the last `window` ones (causal) or half a window on either side. Time and memory grow with n times the window instead of n squared; blocks outside the band are never computed.',
  source: {
    reference: 'arXiv:2004.05150, section 3.1; causal form as in Mistral 7B, arXiv:2310.06825, section 2',
    trust: 'high',
    note: 'The causal window counts the query itself; the symmetric one reads floor(window / 2) keys on either side and itself.',
  },
  template: {
    projected: 'nothing',
    scores: 'q·k / √d',
    positions: { words: 'the last ones of a window', chosen: 'beforehand' },
    normaliser: { words: 'softmax over the keys read', averagesValues: true },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'sparse',
    state: { words: 'keys and values of one window', grows: false },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'keys and values of one window from the part before',
    },
  },
  parameters: {
    window: field.integer(
      'Window',
      'Causal: keys that a query reads, its own included. Symmetric: half of it on either side.',
      { min: 1, max: 1 << 24, default: 256 },
    ),
  },
  layout: 'heads-first',
  exponent: 1,
  supports(shape) {
    if (shape.pattern === 'noncausal-cross' || shape.pattern === 'causal-cross') {
      return {
        ok: false,
        why: 'A window needs queries and keys of one sequence: in cross attention there is no distance between them.',
      };
    }
    if (shape.pattern === 'noncausal-self' && shape.queries > shape.keys) {
      return {
        ok: false,
        why: `A symmetric window needs a key at each query's position: ${shape.queries} queries have ${shape.keys} keys.`,
      };
    }
    return { ok: true };
  },
  reference: (inputs, shape, parameters) =>
    softmaxRows(inputs, shape, allRows(shape), { reads: windowReads(shape, parameters) }),
  referenceRows: (inputs, shape, parameters, rows) =>
    softmaxRows(inputs, shape, rows, { reads: windowReads(shape, parameters) }),
  build: (full, parameters, precision) =>
    attentionGraph('sliding-window', full, precision, 'heads-first', ({ query, key, value }, shape) => {
      const { batch, kvHeads } = shape;
      const group = shape.heads / kvHeads;
      const grouped = groupQueries(query, shape);
      const parts = tilesOf(shape, parameters).map(({ start, end, from, to }) => {
        const rows = end - start;
        const tile = foldGroup(gatherRange(grouped, 3, start, end)); // [b, hkv, g * rows, d]
        const scores = fusedMatmul(tile, gatherRange(key, 2, from, to), {
          transposeB: true,
          scale: shape.headDim ** -0.5,
        });
        const mask = additiveMask(scores, rows, to - from, (i, j) => inWindow(shape, parameters, start + i, from + j));
        const masked = add(reshape(scores, [batch, kvHeads, group, rows, to - from]), mask);
        const output = matmul(softmax(reshape(masked, scores.shape)), gatherRange(value, 2, from, to));
        return unfoldGroup(output, shape);
      });
      return concat(parts, 2);
    }),
  cost(shape, parameters) {
    const tiles = tilesOf({ ...shape, queries: seeingQueries(shape) }, parameters);
    return tiledCost(shape, {
      pairs: tiles.reduce((sum, tile) => sum + (tile.end - tile.start) * (tile.to - tile.from), 0),
      tileRows: Math.max(...tiles.map((tile) => tile.end - tile.start)),
      tileKeys: Math.max(...tiles.map((tile) => tile.to - tile.from)),
      copiedKeys: tiles.reduce((sum, tile) => sum + (tile.to - tile.from), 0),
    });
  },
  pattern: (shape, parameters) => ({
    dependsOnData: false,
    reads: windowReads(shape, parameters),
    block: { queries: tileRows(parameters), keys: tileRows(parameters) },
  }),
  decode: keptDecoding('sliding-window', ({ kvHeads }, { window }) => [
    {
      heads: integers(0, kvHeads),
      keptAt: (position) => integers(Math.max(0, position - window + 1), position),
    },
  ]),
  limits: [
    {
      name: 'a window over the whole sequence',
      parameters: (shape) => ({ window: 2 * Math.max(shape.queries, shape.keys) }),
      equals: 'scaled-dot-product',
    },
  ],
};

const seeingQueries = (shape: AttentionShape): number =>
  isCausalSelf(shape) ? Math.min(shape.queries, shape.keys) : shape.queries;

/** Keys before and after a query's position that it reads. */
const reach = (shape: AttentionShape, { window }: Parameters): readonly [before: number, after: number] =>
  isCausalSelf(shape) ? [window - 1, 0] : [Math.floor(window / 2), Math.floor(window / 2)];

function inWindow(shape: AttentionShape, parameters: Parameters, query: number, key: number): boolean {
  const [before, after] = reach(shape, parameters);
  const distance = key - (query + queryOffset(shape));
  return distance >= -before && distance <= after;
}

const windowReads = (shape: AttentionShape, parameters: Parameters) => (_head: number, query: number, key: number) =>
  inWindow(shape, parameters, query, key);

/**
 * A quarter of the window, in whole vectors. Wider tiles compute more masked scores, whose exponentials are slow on cpu
 * (onnxruntime 1.30: 5 times the others, as they underflow through denormal numbers); narrower ones repack keys more often.
 */
const tileRows = ({ window }: Parameters): number => Math.min(256, Math.max(32, Math.ceil(window / 4 / 32) * 32));

interface Tile {
  /** Queries [start, end) read within keys [from, to). */
  readonly start: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

function tilesOf(shape: AttentionShape, parameters: Parameters): readonly Tile[] {
  const rows = tileRows(parameters);
  const [before, after] = reach(shape, parameters);
  const offset = queryOffset(shape);
  const tiles: Tile[] = [];
  for (let start = 0; start < shape.queries; start += rows) {
    const end = Math.min(start + rows, shape.queries);
    const from = Math.max(0, start + offset - before);
    tiles.push({ start, end, from, to: Math.min(shape.keys, end + offset + after) });
  }
  return tiles;
}
