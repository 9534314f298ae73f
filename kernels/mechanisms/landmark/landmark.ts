import { attentionGraph } from '../../graph/attention-graph';
import type { Mechanism } from '../../mechanism';
import { allRows } from '../../reference/softmax';
import { queryOffset, type AttentionShape } from '../../shape';
import { landmarkCost } from './cost';
import { landmarkGraph } from './graph';
import { landmarkChoice, landmarkRows } from './reference';
import { blockOf, farBlocks, isLandmark, type LandmarkRule, type SharedChoice } from './rule';
import { chooses, tilesOf } from './tiles';
import * as field from '../../parameters';

interface Parameters extends Record<string, number | string> {
  readonly block: number;
  readonly uneven: number;
  readonly mode: 'train' | 'topk';
  readonly open: number;
  readonly chunk: number;
  readonly shared: SharedChoice;
  readonly stingyBase: number;
}

const ruleOf = (parameters: Parameters, { keys }: AttentionShape): LandmarkRule => {
  const { block, mode, open, chunk, shared, stingyBase } = parameters;
  const landmarks = unevenLandmarks(parameters, keys);
  return {
    block,
    ...(landmarks ? { landmarks } : {}),
    ...(mode === 'train'
      ? { open: Number.POSITIVE_INFINITY, chunk: 0 }
      : { open, chunk, shared, rotaryBase: stingyBase }),
  };
};

/** Blocks of block (1 - uneven) to block (1 + uneven) ordinary tokens, in a fixed order without a period. */
function unevenLandmarks({ block, uneven }: Parameters, keys: number): readonly number[] | undefined {
  if (uneven === 0) return undefined;
  const landmarks: number[] = [];
  for (let position = 0, at = 1; ; at++) {
    const place = 2 * ((at * 0.6180339887) % 1) - 1; // multiples of the golden ratio fill [-1, 1) evenly
    position += Math.max(1, Math.round(block * (1 + uneven * place)));
    if (position >= keys) return landmarks;
    landmarks.push(position++);
  }
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
    note: 'Every (block + 1)-th position is a landmark unless blocks are uneven. Blocks are chosen for each token and head, the release’s default, or shared as it can share them; over the heads of a group is ours. Stingy positions are the release’s once more blocks are cached than are opened, and true positions until then. With a chunk, blocks are chosen among those that were complete before the query’s chunk, as in the release’s cache. A landmark’s query reads the ordinary tokens of its own block.',
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
    block: field.integer('Block', 'Ordinary tokens of a block, before its landmark: 50 in the paper, 63 for LLaMA.', {
      min: 1,
      max: 1 << 20,
      default: 50,
    }),
    uneven: field.number(
      'Uneven',
      'Landmarks at uneven positions, as at the ends of sentences: blocks are longer or shorter by up to this share. 0: all of one length.',
      { min: 0, max: 0.9, default: 0 },
    ),
    mode: field.choice('Mode', 'train opens every past block, topk the best ones of each query.', {
      options: ['train', 'topk'],
      default: 'topk',
    }),
    open: field.integer('Blocks opened', 'Past blocks that a query reads in mode topk: 1 to 5 in the paper.', {
      min: 0,
      max: 4096,
      default: 4,
    }),
    chunk: field.integer(
      'Chunk',
      'Mode topk: tokens that run at once, 250 in the paper; their past blocks and the one that they complete stay open beside the best. 0: none do.',
      { min: 0, max: 1 << 20, default: 0 },
    ),
    shared: field.choice(
      'Shared choice',
      'Mode topk: who opens the same blocks, by the largest share of a landmark among them: the query heads of a group, all heads, or the tokens of a chunk.',
      { options: ['none', 'group', 'heads', 'tokens'], default: 'none' },
    ),
    stingyBase: field.number(
      'Stingy rotary base',
      'Mode topk with a chunk: queries and keys come unrotated and are turned as the release does, with this base (10,000), at places that do not grow with the sequence. 0: they are used as they are.',
      { min: 0, max: 1e9, default: 0 },
    ),
  },
  layout: 'heads-first',
  exponent: 2,
  supports(shape, { mode, chunk, shared, uneven, stingyBase }) {
    if (mode === 'topk' && shared === 'tokens' && chunk === 0) {
      return { ok: false, why: 'Tokens that share a choice are those of a chunk: give its length.' };
    }
    if (mode === 'topk' && stingyBase > 0) {
      if (chunk === 0) return { ok: false, why: 'Stingy positions begin anew at each chunk: give its length.' };
      if (uneven > 0)
        return { ok: false, why: 'Stingy positions are those of slots of one length: blocks must be even.' };
      if (shape.headDim % 2 !== 0) {
        return { ok: false, why: `Rotary positions turn pairs of columns: a head width of ${shape.headDim} is odd.` };
      }
    }
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
  reference: (inputs, shape, parameters) => landmarkRows(inputs, shape, ruleOf(parameters, shape), allRows(shape)),
  referenceRows: (inputs, shape, parameters, rows) => landmarkRows(inputs, shape, ruleOf(parameters, shape), rows),
  build: (full, parameters, precision) =>
    attentionGraph('landmark', full, precision, 'heads-first', ({ query, key, value }, shape) =>
      landmarkGraph(query, key, value, shape, ruleOf(parameters, shape)),
    ),
  cost: (shape, parameters) => landmarkCost(shape, ruleOf(parameters, shape)),
  pattern(shape, parameters) {
    const rule = ruleOf(parameters, shape);
    const offset = queryOffset(shape);
    const choosing = chooses(shape, rule);
    const rows = Math.max(
      ...tilesOf({ ...shape, queries: Math.min(shape.queries, shape.keys) }, rule).map((tile) => tile.end - tile.start),
    );
    return {
      dependsOnData: choosing,
      ...(choosing && rule.shared === 'heads' ? { joinsHeads: true } : {}),
      // A chunk chooses as a whole, its last tokens too.
      ...(choosing && rule.shared === 'tokens' && parameters.chunk > 1 ? { dependsOnFuture: true } : {}),
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
      // Chunks longer than a tile cut tiles of two lengths, uneven blocks many.
      ...(rule.landmarks || (rule.chunk && rule.chunk > rows) ? {} : { block: { queries: rows, keys: rows } }),
    };
  },
  chosen: (inputs, shape, parameters, head) => landmarkChoice(inputs, shape, ruleOf(parameters, shape), head),
  limits: [
    {
      name: 'one block over the whole sequence',
      parameters: (shape) => ({ block: shape.keys }),
      equals: 'scaled-dot-product',
    },
  ],
};
