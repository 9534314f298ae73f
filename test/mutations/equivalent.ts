/** Planted errors that change nothing, each with its reason: what is put on the same text of the same function. */
import type { Mutant } from './instrument';

interface Equivalent {
  /** Below kernels/mechanisms/. */
  readonly file: string;
  readonly name: string;
  readonly before: string;
  readonly after: readonly string[];
  readonly reason: string;
}

const equivalents: readonly Equivalent[] = [
  {
    file: 'gna/axis.ts',
    name: 'neighbours',
    before: 'n - 1',
    after: ['n + 1'],
    reason: 'The leader beyond the axis: its window is shifted inside by the next line.',
  },
  {
    file: 'gna/axis.ts',
    name: 'readsAlong',
    before: 'Math.floor(key / axis.dilation)',
    after: ['(key / axis.dilation)'],
    reason: 'Less than one is compared with whole ends of an interval.',
  },
  {
    file: 'gna/gna.ts',
    name: 'divisorNear',
    before: '1e-9',
    after: ['(2 * 1e-9)'],
    reason: 'Any number above the rounding of a root and below the distance of two divisors.',
  },
  {
    file: 'gna/gna.ts',
    name: 'readsOf',
    before: '0',
    after: ['(-1)'],
    reason: 'The window that ends with position -1 is empty.',
  },
  {
    file: 's2-attention/pattern.ts',
    name: 'readsBlockBothWays',
    before: 'left + right',
    after: ['left - right'],
    reason: 'One of the two is 0, and a remainder is 0 for both signs.',
  },
  {
    file: 'longheads/longheads.ts',
    name: 'ruleOf',
    before: 'Math.floor(budget / chunk)',
    after: ['(budget / chunk)'],
    reason: 'Other budgets than whole chunks are refused.',
  },
  {
    file: 'streaming/elastic-span.ts',
    name: 'elasticCacheSize',
    before: '128',
    after: ['127'],
    reason: 'It is brought to whole blocks of 64.',
  },
  {
    file: 'streaming/spans.ts',
    name: 'fullSpan',
    before: '0',
    after: ['1'],
    reason: 'Every key is among the recent ones.',
  },
  {
    file: 'streaming/spans.ts',
    name: 'classesBySpan',
    before: '[span.sinks, span.recent, span.compensated ?? false]',
    after: ['[span.recent, span.sinks, span.compensated ?? false]'],
    reason: 'A name by which equal spans are found.',
  },
];

export const reasonOf = ({ place, before, after }: Mutant): string | undefined =>
  equivalents.find(
    (each) =>
      place.file === `kernels/mechanisms/${each.file}` &&
      each.name === place.name &&
      each.before === before &&
      each.after.includes(after),
  )?.reason;
