import type { Mechanism } from '../../mechanism';
import type { AttentionShape } from '../../shape';
import { spanKernel } from './span-kernel';
import { fullSpan, type HeadSpans } from './spans';
import * as field from '../../parameters';

interface Parameters extends Record<string, number | string> {
  readonly fullShare: number;
  readonly sinks: number;
  readonly recent: number;
  readonly window: 'cache and self' | 'training mask';
}

/** Retrieval heads come first, as the deployed model has them after permuting its heads. */
function spansOf(shape: AttentionShape, { fullShare, sinks, recent, window }: Parameters): HeadSpans {
  const full = Math.round(fullShare * shape.kvHeads);
  // A span counts the query's own key; the released cache is full with sinks + recent before that key comes.
  const streamed = { sinks, recent: window === 'cache and self' ? recent + 1 : recent };
  return Array.from({ length: shape.kvHeads }, (_, head) => (head < full ? fullSpan : streamed));
}

export const duoAttention: Mechanism<Parameters> = {
  ...spanKernel('duo-attention', spansOf),
  id: 'duo-attention',
  title: 'DuoAttention',
  family: 'sparse',
  summary:
    'Retrieval heads read the whole past, streaming heads only sinks and recent keys. Most of a model’s heads can stream, so cache and time shrink towards the share of retrieval heads.',
  source: {
    reference: 'arXiv:2410.10819; released code mit-han-lab/duo-attention',
    trust: 'high',
    note: 'Which heads retrieve is a property of a model: here the first ones do, since deployment moves them there. The released code prefills in one shot with full attention on every head; this kernel streams in the prefill too, each position as a step of decoding does. In the release a later chunk of a prefill sees the cache and all of the chunk before it.',
  },
  template: {
    projected: 'nothing',
    scores: 'q·k / √d',
    positions: { words: 'retrieval heads all, streaming heads sinks and recent ones', chosen: 'beforehand' },
    normaliser: { words: 'softmax over the keys read', averagesValues: true },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'sparse',
    state: { words: 'all keys and values of retrieval heads, sinks and recent ones of the others', grows: true },
    sharded: {
      heads: 'nothing; heads of the two kinds are distributed evenly',
      headsIndependent: true,
      sequence: 'of retrieval heads all keys and values, of the others sinks and recent ones',
    },
  },
  parameters: {
    fullShare: field.number(
      'Retrieval heads',
      'Share of the key/value heads that read everything: 0.25 and 0.5 in the paper.',
      { min: 0, max: 1, default: 0.25 },
    ),
    sinks: field.integer('Sinks', 'Keys at the start of the sequence that a streaming head keeps.', {
      min: 0,
      max: 65536,
      default: 64,
    }),
    recent: field.integer('Recent keys', 'Latest keys that a streaming head keeps in its cache.', {
      min: 1,
      max: 1 << 24,
      default: 256,
    }),
    window: field.choice(
      'Window',
      'cache and self: sinks, recent keys and the query’s own besides, as the released code decodes; training mask: the own key is one of the recent ones, as while the gates are trained.',
      { options: ['cache and self', 'training mask'], default: 'cache and self' },
    ),
  },
  exponent: 2,
  limits: [{ name: 'retrieval heads only', parameters: () => ({ fullShare: 1 }), equals: 'scaled-dot-product' }],
};
