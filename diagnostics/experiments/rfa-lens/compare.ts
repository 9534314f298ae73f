/** Two results side by side: errors after all examples. */
import type { Section } from '../../../protocol/sections/section';
import { cellOf } from '../../../protocol/sections/cell';
import type { LensResult } from './result';
import { overRuns } from './summary';
import { targetNames } from './targets';
import { modelNames } from './trial';
import * as build from '../../../protocol/sections/builders';

export function compareLenses(a: LensResult, b: LensResult): readonly Section[] {
  const changes = modelNames.flatMap((model) =>
    targetNames.map((target) => {
      const [first, second] = [a, b].map((result) =>
        overRuns(result, { curve: 'examples', at: result.sizes.examples, model }, target),
      );
      const ratio = first && second ? second.mean / first.mean : Number.NaN;
      return { ratio, row: [model, target, cellOf(first?.mean), cellOf(second?.mean), cellOf(ratio)] };
    }),
  );
  return [
    build.cellTable(
      'change',
      'Errors of both',
      '',
      [
        build.text('model', 'Model'),
        build.text('target', 'Target'),
        build.number('first', 'Other', `Relative test error after ${a.sizes.examples} examples, mean over runs.`),
        build.number('second', 'This', `The same of this result, after ${b.sizes.examples} examples.`),
        build.number('ratio', 'This over other', 'Ratio of the two errors: above 1 this result is worse.'),
      ],
      changes.toSorted((x, y) => sizeOf(y.ratio) - sizeOf(x.ratio)).map(({ row }) => row),
    ),
  ];
}

/** Size of a change in either direction. One that was not measured counts as the smallest. */
const sizeOf = (ratio: number): number => (ratio > 0 ? Math.abs(Math.log(ratio)) : -1);
