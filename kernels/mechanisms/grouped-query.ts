import { denseCost } from '../cost/attention';
import { attentionGraph, foldGroup, groupQueries, unfoldGroup } from '../graph/attention-graph';
import { add } from '../graph/operators/elementwise';
import { expand, reshape, triangle } from '../graph/operators/layout';
import { fusedMatmul, matmul } from '../graph/operators/matrix';
import { softmax } from '../graph/operators/reduce';
import type { Mechanism } from '../mechanism';
import { denseDefinition, denseReads } from '../reference/pattern';
import { allRows, softmaxRows } from '../reference/softmax';
import { isCausalSelf, queryOffset } from '../shape';

type None = Record<string, never>;

/** The queries of a group are rows of one matrix, so each key/value head is read once, not once for each query head. */
export const groupedQuery: Mechanism<None> = {
  id: 'grouped-query',
  title: 'Grouped-query',
  family: 'dense',
  summary:
    'Several query heads share one key/value head; the heads of a group are multiplied with their keys in one product. Equal to scaled dot-product with repeated keys, with g times fewer bytes of keys and values.',
  source: {
    reference: 'arXiv:2305.13245, section 2.2',
    trust: 'high',
    note: 'The paper defines the sharing; folding a group into the rows of one product is our choice of kernel.',
  },
  template: {
    projected: 'nothing; query heads share a key/value head',
    scores: 'q·k / √d',
    positions: { words: 'all that came before', chosen: 'beforehand' },
    normaliser: { words: 'softmax over the keys read', averagesValues: true },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'dense',
    state: { words: 'keys and values of all positions, of the few key/value heads', grows: true },
    sharded: {
      heads: 'nothing as long as a group stays whole',
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
    attentionGraph('grouped-query', full, precision, 'heads-first', ({ query, key, value }, shape) => {
      const { batch, kvHeads, queries, keys } = shape;
      const rows = foldGroup(groupQueries(query, shape)); // [b, hkv, g * n, d]
      let scores = fusedMatmul(rows, key, { transposeB: true, scale: shape.headDim ** -0.5 }, 'scores'); // [b, hkv, g * n, m]
      if (isCausalSelf(shape)) {
        const minusInfinity = scores.graph.constant(scores.type, [1, 1], [-Infinity]);
        const mask = triangle(expand(minusInfinity, [queries, keys]), 'upper', queryOffset(shape) + 1, 'mask');
        const grouped = reshape(scores, [batch, kvHeads, shape.heads / kvHeads, queries, keys]);
        scores = reshape(add(grouped, mask), scores.shape);
      }
      return unfoldGroup(matmul(softmax(scores, -1, 'probabilities'), value), shape);
    }),
  cost: (shape) => denseCost(shape),
  pattern: (shape) => ({ dependsOnData: false, reads: denseReads(shape) }),
  limits: [{ name: 'repeated keys and values', parameters: () => ({}), equals: 'scaled-dot-product' }],
};
