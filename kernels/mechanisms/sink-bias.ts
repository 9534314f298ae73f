import { attentionGraph } from '../graph/attention-graph';
import { biasedAttention, biasedCost, tileRows } from '../graph/biased-tiles';
import { add } from '../graph/operators/elementwise';
import { pad } from '../graph/operators/layout';
import type { Mechanism } from '../mechanism';
import { denseDefinition, denseReads } from '../reference/pattern';
import { allRows, softmaxRows, type SoftmaxDefinition } from '../reference/softmax';
import type { AttentionShape } from '../shape';
import * as field from '../parameters';

interface Parameters extends Record<string, number | string> {
  readonly gamma: number;
  readonly heads: string;
}

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
    gamma: field.number(
      'Gamma',
      'What the weight of the first key is multiplied by before each row is normalised again; 1 changes nothing.',
      { min: 1e-12, max: 1e12, default: 2 },
    ),
    heads: field.choice(
      'Heads',
      'all: gamma in every head. alternating: gamma in heads 0, 2, 4, …, and 1 / gamma in the others.',
      { options: ['all', 'alternating'], default: 'all' },
    ),
  },
  layout: 'heads-first',
  exponent: 2,
  supports: () => ({ ok: true }),
  reference: (inputs, shape, parameters) => softmaxRows(inputs, shape, allRows(shape), definition(shape, parameters)),
  referenceRows: (inputs, shape, parameters, rows) => softmaxRows(inputs, shape, rows, definition(shape, parameters)),
  build: (full, parameters, precision) =>
    attentionGraph('sink-bias', full, precision, 'heads-first', (inputs, shape) => {
      const numbers = sinkBiases(shape.heads, parameters);
      const biases = inputs.builder.constant(precision, [shape.heads, 1, 1], numbers, 'biases');
      return biasedAttention(inputs, shape, (scores, { reach }) => add(scores, pad(biases, 2, 0, reach - 1)));
    }),
  cost: biasedCost,
  pattern: (shape) => ({
    dependsOnData: false,
    reads: denseReads(shape),
    block: { queries: tileRows, keys: tileRows },
  }),
  limits: [{ name: 'gamma 1', parameters: () => ({ gamma: 1 }), equals: 'scaled-dot-product' }],
};

/** What is added to the score of key 0 in each query head. */
const sinkBiases = (heads: number, { gamma, heads: which }: Parameters): readonly number[] =>
  Array.from({ length: heads }, (_, head) => (which === 'alternating' && head % 2 === 1 ? -1 : 1) * Math.log(gamma));

function definition(shape: AttentionShape, parameters: Parameters): SoftmaxDefinition {
  const biases = sinkBiases(shape.heads, parameters);
  return { ...denseDefinition(shape), bias: (head, _query, key) => (key === 0 ? biases[head]! : 0) };
}
