import { attentionGraph } from '../graph/attention-graph';
import { biasedAttention, biasedCost, tileRows, type Tile } from '../graph/biased-tiles';
import { absolute, add, multiply, subtract } from '../graph/operators/elementwise';
import type { Value } from '../graph/records';
import type { Mechanism } from '../mechanism';
import { denseDefinition, denseReads } from '../reference/pattern';
import { allRows, softmaxRows, type SoftmaxDefinition } from '../reference/softmax';
import { isCausalSelf, queryOffset, type AttentionShape } from '../shape';
import { alibiSlopes } from './alibi-slopes';
import * as field from '../parameters';

interface Parameters extends Record<string, number> {
  readonly strength: number;
}

export const alibi: Mechanism<Parameters> = {
  id: 'alibi',
  title: 'ALiBi',
  family: 'positional',
  summary:
    'Softmax attention whose scores lose slope times distance, with one fixed slope for each head: positions without embeddings, and sequences longer than those of the training.',
  source: {
    reference: 'arXiv:2108.12409, section 3; slopes for other than powers of two heads as in the authors’ code',
    trust: 'high',
    note: 'The paper is causal. The symmetric form takes minus slope times |distance|, the authors’ own suggestion for encoders.',
  },
  template: {
    projected: 'nothing',
    scores: 'q·k / √d - slope times distance',
    positions: { words: 'all that came before', chosen: 'beforehand' },
    normaliser: { words: 'softmax over the keys read', averagesValues: true },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'dense',
    state: { words: 'keys and values of all positions', grows: true },
    sharded: {
      heads: 'nothing; a slope goes with its head',
      headsIndependent: true,
      sequence: 'keys and values of the other parts (ring or gather), or partial outputs with their log-sums',
    },
  },
  parameters: {
    strength: field.number('Strength', 'Multiplies every slope; 1 is the paper, 0 switches the bias off.', {
      min: 0,
      max: 16,
      default: 1,
    }),
  },
  layout: 'heads-first',
  exponent: 2,
  supports(shape) {
    if (shape.pattern === 'noncausal-cross' || shape.pattern === 'causal-cross') {
      return { ok: false, why: 'ALiBi needs distances: queries and keys of cross attention lie on different axes.' };
    }
    return { ok: true };
  },
  reference: (inputs, shape, parameters) => softmaxRows(inputs, shape, allRows(shape), definition(shape, parameters)),
  referenceRows: (inputs, shape, parameters, rows) => softmaxRows(inputs, shape, rows, definition(shape, parameters)),
  build: (full, parameters, precision) =>
    attentionGraph('alibi', full, precision, 'heads-first', (inputs, shape) => {
      const numbers = alibiSlopes(shape.heads).map((slope) => slope * parameters.strength);
      const slopes = inputs.builder.constant(precision, [shape.heads, 1, 1], numbers, 'slopes');
      return biasedAttention(inputs, shape, (scores, tile) => addBias(scores, slopes, shape, tile));
    }),
  cost: biasedCost,
  pattern: (shape) => ({
    dependsOnData: false,
    reads: denseReads(shape),
    block: { queries: tileRows, keys: tileRows },
  }),
  limits: [{ name: 'no bias', parameters: () => ({ strength: 0 }), equals: 'scaled-dot-product' }],
};

function definition(shape: AttentionShape, { strength }: Parameters): SoftmaxDefinition {
  const slopes = alibiSlopes(shape.heads);
  const offset = queryOffset(shape);
  return {
    ...denseDefinition(shape),
    bias: (head, query, key) => -strength * slopes[head]! * Math.abs(query + offset - key),
  };
}

/**
 * Causal: -slope (i - j) differs from slope (j - last), with `last` the tile's last position, by a constant of the row, which
 * the softmax takes out: a row of numbers for each head then does, instead of a matrix. Near keys keep small numbers.
 */
function addBias(scores: Value, slopes: Value, shape: AttentionShape, { start, end, reach }: Tile): Value {
  const { graph } = scores;
  const numbers = (length: number, first: number) => Array.from({ length }, (_, x) => first + x);
  if (isCausalSelf(shape)) {
    const backwards = graph.constant(scores.type, [1, reach], numbers(reach, 1 - reach));
    return add(scores, multiply(slopes, backwards));
  }
  const positions = graph.constant(scores.type, [end - start, 1], numbers(end - start, start + queryOffset(shape)));
  const keys = graph.constant(scores.type, [1, reach], numbers(reach, 0));
  return subtract(scores, multiply(slopes, absolute(subtract(positions, keys))));
}
