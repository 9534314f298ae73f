import type { Mechanism } from '../../mechanism';
import type { AttentionShape } from '../../shape';
import { spanKernel } from './span-kernel';
import type { HeadSpan, HeadSpans } from './spans';
import * as field from '../../parameters';

interface Parameters extends Record<string, number> {
  readonly firstShare: number;
  readonly firstOffset: number;
  readonly firstSlope: number;
  readonly secondOffset: number;
  readonly secondSlope: number;
  readonly plannedLength: number;
}

const block = 64;

/**
 * Keys that a head with the rule (alpha, beta) keeps in a cache planned for `length` tokens: floor(alpha + beta length), at
 * most the length and at least 128, in whole blocks of 64 (the authors' cache).
 */
export function elasticCacheSize(alpha: number, beta: number, length: number): number {
  const wanted = Math.min(Math.floor(alpha + beta * length), length);
  return Math.ceil(Math.max(wanted, 128) / block) * block;
}

/** The first block of the cache stays for the sinks, the rest holds the latest tokens. */
export function elasticSpan(alpha: number, beta: number, length: number): HeadSpan {
  const size = elasticCacheSize(alpha, beta, length);
  return { sinks: block, recent: size - block };
}

function spansOf(shape: AttentionShape, parameters: Parameters): HeadSpans {
  const length = parameters.plannedLength || shape.keys;
  const first = Math.round(parameters.firstShare * shape.kvHeads);
  return Array.from({ length: shape.kvHeads }, (_, head) =>
    head < first
      ? elasticSpan(parameters.firstOffset, parameters.firstSlope, length)
      : elasticSpan(parameters.secondOffset, parameters.secondSlope, length),
  );
}

const slope = (title: string, value: number) =>
  field.number(
    title,
    'Share of the planned length by which these heads’ span grows: 0 keeps it fixed, 1 keeps everything.',
    { min: 0, max: 1, default: value },
  );

const offset = (title: string, value: number) =>
  field.integer(title, 'Tokens of these heads’ span at length 0; may be negative beside a slope.', {
    min: -(1 << 20),
    max: 1 << 20,
    default: value,
  });

export const elasticSpanAttention: Mechanism<Parameters> = {
  ...spanKernel('elastic-span', spansOf, ({ plannedLength }) => plannedLength === 0),
  id: 'elastic-span',
  title: 'Elastic spans (MoA)',
  family: 'sparse',
  summary:
    'Each head keeps sinks and a window of its own that may grow with the planned length: some heads stay local, others stretch. Two rules a layer, as the published plans have.',
  source: {
    reference: 'arXiv:2406.14909, section 3; released code thu-nics/MoA (cache sizes)',
    trust: 'high',
    note: 'The sinks are part of the span, as in the deployed cache; the search of the paper counts them beside it. The first heads follow the first rule; a plan of a model says which do.',
  },
  template: {
    projected: 'nothing',
    scores: 'q·k / √d',
    positions: { words: 'sinks and a window of the head’s own length', chosen: 'beforehand' },
    normaliser: { words: 'softmax over the keys read', averagesValues: true },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'sparse',
    state: {
      words: 'keys and values of sinks and of each head’s window, which grows with the planned length',
      grows: true,
    },
    sharded: {
      heads: 'nothing; long and short windows are distributed evenly',
      headsIndependent: true,
      sequence: 'of each head the sinks and one window from the parts before',
    },
  },
  parameters: {
    firstShare: field.number(
      'Heads under the first rule',
      'Share of the key/value heads; the others follow the second rule.',
      { min: 0, max: 1, default: 0.5 },
    ),
    firstOffset: offset('First offset', 320),
    firstSlope: slope('First slope', 0),
    secondOffset: offset('Second offset', -1024),
    secondSlope: slope('Second slope', 0.5),
    plannedLength: field.integer(
      'Planned length',
      'Prompt and new tokens together, for which the spans are laid out; 0: as many as there are keys.',
      { min: 0, max: 1 << 24, default: 0 },
    ),
  },
  exponent: 2,
  limits: [
    {
      name: 'a slope of one',
      parameters: (shape) => ({
        firstOffset: 0,
        firstSlope: 1,
        secondOffset: 0,
        secondSlope: 1,
        plannedLength: shape.keys + block,
      }),
      equals: 'scaled-dot-product',
    },
  ],
};
