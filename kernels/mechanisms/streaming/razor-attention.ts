import type { Mechanism } from '../../mechanism';
import type { AttentionShape } from '../../shape';
import { spanKernel } from './span-kernel';
import { fullSpan, type HeadSpan, type HeadSpans } from './spans';
import * as field from '../../parameters';

interface Parameters extends Record<string, number | boolean> {
  readonly retrievalShare: number;
  readonly sinks: number;
  readonly buffer: number;
  readonly compression: number;
  readonly compensation: boolean;
}

/**
 * Keys that a non-retrieval head keeps at the end of N keys: L = max(S0, floor(N / C)).
 * The limit of full over compressed cache bytes for long sequences is 1 / (rho + (1 - rho) / C), rho the retrieval share.
 */
export const razorBuffer = (
  keys: number,
  { buffer, compression }: Pick<Parameters, 'buffer' | 'compression'>,
): number => Math.max(buffer, Math.floor(keys / compression));

function spansOf(shape: AttentionShape, parameters: Parameters): HeadSpans {
  const retrieval = Math.round(parameters.retrievalShare * shape.kvHeads);
  const cut: HeadSpan = {
    sinks: parameters.sinks,
    recent: razorBuffer(shape.keys, parameters),
    compensated: parameters.compensation,
  };
  return Array.from({ length: shape.kvHeads }, (_, head) => (head < retrieval ? fullSpan : cut));
}

export const razorAttention: Mechanism<Parameters> = {
  ...spanKernel('razor-attention', spansOf, () => true),
  id: 'razor-attention',
  title: 'RazorAttention',
  family: 'sparse',
  summary:
    'Retrieval heads read the whole past, all others their first and latest keys and one compensation token: the mean of the keys dropped, weighted by their count. Cuts the KV cache about threefold without choosing keys by the query.',
  source: {
    reference: 'arXiv:2407.15891, section 3, algorithm 1',
    trust: 'medium',
    note: 'Equations from a reading note and the authors’ tools. Our choices: keys that leave the buffer are merged into the compensation token one by one, which the source leaves open (during the prompt it compresses once at its end); the first key/value heads stand for the retrieval heads of a model.',
  },
  template: {
    projected: 'mean of the keys and of the values that a head drops',
    scores: 'q·k / √d, plus the logarithm of the count for the mean',
    positions: {
      words: 'retrieval heads all, the others first and latest ones and the mean of the rest',
      chosen: 'beforehand',
    },
    normaliser: { words: 'softmax over the keys read', averagesValues: true },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'sparse',
    state: { words: 'all keys and values of retrieval heads; of the others a buffer and two sums', grows: true },
    sharded: {
      heads: 'nothing; heads of the two kinds are distributed evenly',
      headsIndependent: true,
      sequence: 'of retrieval heads all keys and values, of the others the buffer and the sums',
    },
  },
  parameters: {
    retrievalShare: field.number(
      'Retrieval heads',
      'Share of the key/value heads that keep everything: 0.15 in the paper.',
      { min: 0, max: 1, default: 0.15 },
    ),
    sinks: field.integer('Sinks', 'Keys at the start of the sequence that a cut head keeps.', {
      min: 0,
      max: 65536,
      default: 4,
    }),
    buffer: field.integer('Least buffer', 'Latest keys that a cut head keeps at least; 4000 in the paper.', {
      min: 1,
      max: 1 << 24,
      default: 256,
    }),
    compression: field.number(
      'Compression',
      'A cut head keeps the latest keys / compression keys when those are more than the least buffer: 5 in the paper.',
      { min: 1, max: 1e6, default: 5 },
    ),
    compensation: field.flag('Compensation token', 'Whether the dropped keys take part as their mean.', true),
  },
  exponent: 2,
  limits: [
    { name: 'retrieval heads only', parameters: () => ({ retrievalShare: 1 }), equals: 'scaled-dot-product' },
    {
      name: 'a buffer over the whole sequence',
      parameters: (shape) => ({ retrievalShare: 0, buffer: shape.keys }),
      equals: 'scaled-dot-product',
    },
  ],
};
