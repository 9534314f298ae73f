import { attentionGraph } from '../../graph/attention-graph';
import type { Mechanism } from '../../mechanism';
import { allRows } from '../../reference/softmax';
import { queryOffset } from '../../shape';
import { landmarkCost } from './cost';
import { landmarkGraph } from './graph';
import { blockOf, farBlocks, isLandmark, landmarkChoice, landmarkRows, type LandmarkRule } from './reference';
import { chooses, tilesOf } from './tiles';

interface Parameters extends Record<string, number | string> {
  readonly block: number;
  readonly mode: 'train' | 'topk';
  readonly open: number;
  readonly chunk: number;
}

const ruleOf = ({ block, mode, open, chunk }: Parameters): LandmarkRule => ({
  block,
  chunk: mode === 'train' ? 0 : chunk,
  open: mode === 'train' ? Number.POSITIVE_INFINITY : open,
});

export const landmark: Mechanism<Parameters> = {
  id: 'landmark',
  title: 'Landmark attention',
  family: 'sparse',
  summary:
    'Every block of tokens ends in a landmark, whose key stands for the block: a query weighs landmarks beside its own block, and reads inside a past block only through its landmark’s weight. In mode topk it opens its best blocks only, found by the attention itself.',
  source: {
    reference: 'arXiv:2305.16300, section 3; released code epfml/landmark-attention',
    trust: 'high',
    note: 'Every (block + 1)-th position is a landmark. Blocks are chosen for each token and head, the release’s default; its shared choices and its renumbered positions belong to the model around the kernel. With a chunk, blocks are chosen among those that were complete before the query’s chunk, as in the release’s cache. A landmark’s query reads the ordinary tokens of its own block.',
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
    chunk: {
      kind: 'integer',
      title: 'Chunk',
      description:
        'Mode topk: tokens that run at once, 250 in the paper; their past blocks and the one that they complete stay open beside the best. 0: none do.',
      min: 0,
      max: 1 << 20,
      default: 0,
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
      landmarkGraph(query, key, value, shape, ruleOf(parameters)),
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
        return (
          blockOf(rule, key) === blockOf(rule, position) ||
          rule.open > 0 ||
          blockOf(rule, key) >= farBlocks(rule, position)
        );
      },
      // A landmark's key decides how much of its block is read; its value never is.
      summarises: (_head, query, key) =>
        isLandmark(rule, key) &&
        blockOf(rule, key) < blockOf(rule, query + offset) &&
        (rule.open > 0 || blockOf(rule, key) >= farBlocks(rule, query + offset)),
      // Chunks longer than a tile cut tiles of two lengths.
      ...(rule.chunk && rule.chunk > rows ? {} : { block: { queries: rows, keys: rows } }),
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
