import { denseCost } from '../cost/attention';
import { attentionGraph } from '../graph/attention-graph';
import { add, multiply } from '../graph/operators/elementwise';
import { expand, reshape, transpose, triangle } from '../graph/operators/layout';
import { matmul } from '../graph/operators/matrix';
import { softmax } from '../graph/operators/reduce';
import type { Value } from '../graph/records';
import type { Mechanism } from '../mechanism';
import { denseDefinition, denseReads } from '../reference/pattern';
import { allRows, softmaxRows } from '../reference/softmax';
import { isCausalSelf, queryOffset, type AttentionShape } from '../shape';

type None = Record<string, never>;

/** Textbook attention: three operators over whole matrices, keys and values of a group repeated for each query head. */
export const scaledDotProduct: Mechanism<None> = {
  id: 'scaled-dot-product',
  title: 'Scaled dot-product',
  family: 'dense',
  summary:
    'softmax(Q K^T / sqrt(d)) V as the textbook writes it, with the whole matrix of scores in memory. The definition that every exact kernel must equal.',
  source: { reference: 'arXiv:1706.03762, section 3.2.1', trust: 'high' },
  template: {
    projected: 'nothing',
    scores: 'q·k / √d',
    positions: { words: 'all that came before', chosen: 'beforehand' },
    normaliser: { words: 'softmax over the keys read', averagesValues: true },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'dense',
    state: { words: 'keys and values of all positions', grows: true },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'keys and values of the other parts (ring or gather), or partial outputs with their log-sums',
    },
  },
  parameters: {},
  layout: 'heads-first',
  exponent: 2,
  supports: () => ({ ok: true }),
  reference: (inputs, shape) => softmaxRows(inputs, shape, allRows(shape), denseDefinition(shape)),
  referenceRows: (inputs, shape, _parameters, rows) => softmaxRows(inputs, shape, rows, denseDefinition(shape)),
  build: (full, _parameters, precision) =>
    attentionGraph('scaled-dot-product', full, precision, 'heads-first', ({ query, key, value }, shape) => {
      const scaled = multiply(query, shape.headDim ** -0.5);
      const keys = transpose(repeatHeads(key, shape), [0, 1, 3, 2]);
      const scores = matmul(scaled, keys, 'scores'); // [b, h, n, m]
      const masked = isCausalSelf(shape) ? add(scores, causalMask(scores, shape)) : scores;
      return matmul(softmax(masked, -1, 'probabilities'), repeatHeads(value, shape));
    }),
  cost: (shape) => denseCost(shape),
  pattern: (shape) => ({ dependsOnData: false, reads: denseReads(shape) }),
  limits: [],
};

/** [b, hkv, m, w] to [b, h, m, w]. */
function repeatHeads(x: Value, shape: AttentionShape): Value {
  const group = shape.heads / shape.kvHeads;
  if (group === 1) return x;
  const [batch, kvHeads, length, width] = x.shape as readonly [number, number, number, number];
  const repeated = expand(reshape(x, [batch, kvHeads, 1, length, width]), [batch, kvHeads, group, length, width]);
  return reshape(repeated, [batch, shape.heads, length, width]);
}

/** [n, m], made at run time: as a constant it would put n * m numbers into the file. */
function causalMask(like: Value, shape: AttentionShape): Value {
  const minusInfinity = like.graph.constant(like.type, [1, 1], [-Infinity]);
  return triangle(expand(minusInfinity, [shape.queries, shape.keys]), 'upper', queryOffset(shape) + 1, 'mask');
}
