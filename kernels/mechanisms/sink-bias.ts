import { tiledCost } from '../cost/attention';
import { attentionGraph, foldGroup, groupQueries, unfoldGroup } from '../graph/attention-graph';
import { add } from '../graph/operators/elementwise';
import { concat, expand, pad, reshape, slice, triangle } from '../graph/operators/layout';
import { fusedMatmul, matmul } from '../graph/operators/matrix';
import { softmax } from '../graph/operators/reduce';
import type { Value } from '../graph/records';
import type { Mechanism } from '../mechanism';
import { denseDefinition, denseReads } from '../reference/pattern';
import { allRows, softmaxRows, type SoftmaxDefinition } from '../reference/softmax';
import { isCausalSelf, queryOffset, type AttentionShape } from '../shape';

interface Parameters extends Record<string, number | string> {
  readonly gamma: number;
  readonly heads: string;
}

/** Queries of a tile: the scores of a tile stay in cache while the bias and the softmax pass over them. */
const tileRows = 128;

export const sinkBias: Mechanism<Parameters> = {
  id: 'sink-bias',
  title: 'Sink bias (ZeroTuning)',
  family: 'dense',
  summary:
    'Softmax attention whose weight on the first key, the attention sink, is multiplied by gamma in each head before the row is normalised again, that is with log(gamma) added to one score. It costs as much as dense attention and changes how much of a row the other keys share, not how they share it.',
  source: {
    reference: "arXiv:2505.11739, the rescaling of the first token's weight",
    trust: 'high',
    note: 'The paper chooses heads by profiling a model; here one gamma goes to all heads, or gamma and 1 / gamma to alternate heads, since its up- and down-effective heads are rescaled in opposite directions. The first key is position 0, also of a cache and in cross attention.',
  },
  template: {
    projected: 'nothing',
    scores: 'q·k / √d, log γ more on the first key',
    positions: { words: 'all that came before', chosen: 'beforehand' },
    normaliser: { words: 'softmax over the keys read', averagesValues: true },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'dense',
    state: { words: 'keys and values of all positions', grows: true },
    sharded: {
      heads: 'nothing; a gamma goes with its head',
      headsIndependent: true,
      sequence: 'keys and values of the other parts (ring or gather), or partial outputs with their log-sums',
    },
  },
  parameters: {
    gamma: {
      kind: 'number',
      title: 'Gamma',
      description:
        'What the weight of the first key is multiplied by before each row is normalised again; 1 changes nothing.',
      min: 1e-12,
      max: 1e12,
      default: 2,
    },
    heads: {
      kind: 'choice',
      title: 'Heads',
      description: 'all: gamma in every head. alternating: gamma in heads 0, 2, 4, …, and 1 / gamma in the others.',
      options: ['all', 'alternating'],
      default: 'all',
    },
  },
  layout: 'heads-first',
  exponent: 2,
  supports: () => ({ ok: true }),
  reference: (inputs, shape, parameters) => softmaxRows(inputs, shape, allRows(shape), definition(shape, parameters)),
  referenceRows: (inputs, shape, parameters, rows) => softmaxRows(inputs, shape, rows, definition(shape, parameters)),
  build: (full, parameters, precision) =>
    attentionGraph('sink-bias', full, precision, 'heads-first', ({ builder, query, key, value }, shape) => {
      const biases = builder.constant(precision, [shape.heads, 1, 1], sinkBiases(shape.heads, parameters), 'biases');
      const grouped = groupQueries(query, shape);
      const parts: Value[] = [];
      for (const [start, end, reach] of tilesOf(shape)) {
        const tile = foldGroup(slice(grouped, 3, start, end));
        const scores = fusedMatmul(tile, slice(key, 2, 0, reach), {
          transposeB: true,
          scale: shape.headDim ** -0.5,
        });
        const row = pad(biases, 2, 0, reach - 1); // [h, 1, reach]
        const biased = add(unfoldGroup(scores, shape), row); // [b, h, rows, reach]
        const masked = isCausalSelf(shape) && end - start > 1 ? add(biased, later(biased, end - start, reach)) : biased;
        const probabilities = softmax(reshape(masked, scores.shape));
        parts.push(unfoldGroup(matmul(probabilities, slice(value, 2, 0, reach)), shape));
      }
      return concat(parts, 2);
    }),
  cost(shape) {
    const seeing = isCausalSelf(shape) ? Math.min(shape.queries, shape.keys) : shape.queries;
    let pairs = 0;
    let copiedKeys = 0;
    for (const [start, end, reach] of tilesOf({ ...shape, queries: seeing })) {
      pairs += (end - start) * reach;
      // A slice of all keys is no copy.
      copiedKeys += reach < shape.keys ? reach : 0;
    }
    return tiledCost(shape, { pairs, copiedKeys, tileRows: Math.min(tileRows, shape.queries), tileKeys: shape.keys });
  },
  pattern: (shape) => ({
    dependsOnData: false,
    reads: denseReads(shape),
    block: { queries: tileRows, keys: tileRows },
  }),
  limits: [{ name: 'gamma 1', parameters: () => ({ gamma: 1 }), equals: 'scaled-dot-product' }],
};

/** What is added to the score of key 0 in each query head. */
export const sinkBiases = (heads: number, { gamma, heads: which }: Parameters): readonly number[] =>
  Array.from({ length: heads }, (_, head) => (which === 'alternating' && head % 2 === 1 ? -1 : 1) * Math.log(gamma));

function definition(shape: AttentionShape, parameters: Parameters): SoftmaxDefinition {
  const biases = sinkBiases(shape.heads, parameters);
  return { ...denseDefinition(shape), bias: (head, _query, key) => (key === 0 ? biases[head]! : 0) };
}

/** Queries [start, end) and the keys [0, reach) that one of them reads; as many queries as keys at most where it is causal. */
function tilesOf(shape: AttentionShape): readonly (readonly [start: number, end: number, reach: number])[] {
  return Array.from({ length: Math.ceil(shape.queries / tileRows) }, (_, tile) => {
    const end = Math.min((tile + 1) * tileRows, shape.queries);
    return [tile * tileRows, end, isCausalSelf(shape) ? end + queryOffset(shape) : shape.keys];
  });
}

/** [rows, reach] with -infinity for the keys after each of the last `rows` positions. */
function later(like: Value, rows: number, reach: number): Value {
  const minusInfinity = like.graph.constant(like.type, [1, 1], [-Infinity]);
  return triangle(expand(minusInfinity, [rows, reach]), 'upper', reach - rows + 1);
}
