/** Sections of two benchmarks side by side. */
import * as build from '../../sections/builders';
import type { Section } from '../../sections/section';
import { timeChanges, type TimeChange } from '../benchmark-changes';
import type { BenchmarkResult } from '../benchmark-schema';

/** In the order of the rows of `here`; none where both have timed nothing of the same. */
export function benchmarkChangeSections(here: BenchmarkResult, there: BenchmarkResult): readonly Section[] {
  const changes = timeChanges(here.rows, there);
  if (changes.length === 0) return [];
  const caption = 'Two runs form no interleaved pairs, so that nothing is tested.';
  return [
    ...(new Set(changes.map(({ length }) => length)).size > 1 ? [chartOf(changes, caption)] : []),
    build.table('times', 'Times side by side', caption, changes, [
      build.text('mechanism', 'mechanism'),
      build.count('length', 'length', 'length of the queries', 'tokens'),
      build.number('ms', 'time', 'median of the samples', 'ms'),
      build.number('otherMs', 'time there', 'median of the samples in the other result', 'ms'),
      build.number('change', 'change', 'time here over time there: below 1 is faster than there'),
    ]),
  ];
}

function chartOf(changes: readonly TimeChange[], caption: string): Section {
  const lengths = changes.map(({ length }) => length);
  return build.chart(
    'change',
    'Change of the times',
    caption,
    build.logAxis('length', 'log2', 'tokens'),
    build.logAxis('time here over time there', 'log2'),
    [...new Set(changes.map(({ mechanism }) => mechanism))].map((id) =>
      build.line(
        id,
        id,
        changes
          .filter(({ mechanism }) => mechanism === id)
          .sort((a, b) => a.length - b.length)
          .map(({ length, change }) => ({ x: length, y: change })),
      ),
    ),
    { references: [{ label: 'no change', from: [Math.min(...lengths), 1], to: [Math.max(...lengths), 1] }] },
  );
}
