import type { Mechanism } from '../../mechanism';
import type { AttentionShape } from '../../shape';
import { spanKernel } from './span-kernel';
import { type HeadSpans } from './spans';
import * as field from '../../parameters';

interface Parameters extends Record<string, number> {
  readonly sinks: number;
  readonly recent: number;
}

const spansOf = (shape: AttentionShape, { sinks, recent }: Parameters): HeadSpans =>
  Array.from({ length: shape.kvHeads }, () => ({ sinks, recent }));

export const streaming: Mechanism<Parameters> = {
  ...spanKernel('streaming', spansOf),
  id: 'streaming',
  title: 'Streaming attention',
  family: 'sparse',
  summary:
    'Each query reads the first few keys of the sequence (sinks) and the latest ones. The cache of a decoder stays constant, and so does the time of a token; whatever lies between is forgotten.',
  source: {
    reference: 'arXiv:2309.17453, section 3.2; mask as in DuoAttention, arXiv:2410.10819, released code',
    trust: 'high',
    note: 'Keys keep the positions they were rotated at (DuoAttention), they are not renumbered inside the cache (StreamingLLM). The recent keys count the query itself.',
  },
  template: {
    projected: 'nothing',
    scores: 'q·k / √d',
    positions: { words: 'the first ones (sinks) and the latest', chosen: 'beforehand' },
    normaliser: { words: 'softmax over the keys read', averagesValues: true },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'sparse',
    state: { words: 'keys and values of sinks and recent positions', grows: false },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'the sinks to all parts, the recent keys and values from the part before',
    },
  },
  parameters: {
    sinks: field.integer('Sinks', 'Keys at the start of the sequence that every query reads.', {
      min: 0,
      max: 65536,
      default: 64,
    }),
    recent: field.integer('Recent keys', 'Latest keys that a query reads, its own included.', {
      min: 1,
      max: 1 << 24,
      default: 256,
    }),
  },
  exponent: 1,
  limits: [
    {
      name: 'recent keys over the whole sequence',
      parameters: (shape) => ({ sinks: 0, recent: shape.keys }),
      equals: 'scaled-dot-product',
    },
    { name: 'no sinks', parameters: () => ({ sinks: 0, recent: 256 }), equals: 'sliding-window' },
  ],
};
