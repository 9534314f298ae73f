/** The table of a model before and after a conversion. */
import type { BeforeAfter, Side } from './before-after';
import * as build from '../../../protocol/sections/builders';

export function beforeAfterSection({ before, after, rows, speedup, apart, written }: BeforeAfter) {
  const accuracy = before.task && after.task;
  const intervals = accuracy
    ? ` Accuracy: 95 % intervals (Wilson, n = ${before.task.n}) ${percent(before.task)} before, ${percent(after.task)} after.`
    : '';
  const speed = speedup
    ? ` Decoding: ${digits(speedup.median)} times the speed (median of ratios within rounds, quartiles ${digits(speedup.low)} to ${digits(speedup.high)}); the row has the rates of the round with the median ratio.`
    : '';
  const same = apart === false ? ' The text is the one that the conversion was made on.' : '';
  const ranges = rows.some(({ low }) => low !== undefined);
  const what = written
    ? `The checkpoint in ${written.folder}, opened, against its source.`
    : 'The parts are switched off in the model as it is; sizes are those of the checkpoint that a folder would get.';
  return build.table('before-after', 'Before and after', `${what}${same}${intervals}${speed}`, rows, [
    build.text('quantity', 'Quantity', ({ quantity, unit }) => `${quantity} (${unit})`),
    {
      ...build.number('before', 'Before', 'of the model as it is, in the unit of the row', ({ before: old }) => old),
      digits: 4,
    },
    {
      ...build.number(
        'after',
        written ? 'After' : 'After (emulated)',
        'of the converted model, in the unit of the row',
        ({ after: now }) => now,
      ),
      digits: 4,
    },
    build.number(
      'change',
      'Change',
      '100 (after - before) / before; for accuracy the difference in points of per cent',
      '%',
    ),
    ranges &&
      build.text(
        'range',
        'Interval',
        ({ low, high }) => (low === undefined || high === undefined ? '' : `${digits(low)} to ${digits(high)} %`),
        '98 % interval of the change of decoding: that of the slowest and the fastest of seven paired rounds',
      ),
  ]);
}

const digits = (value: number): string => value.toPrecision(3);
const percent = ({ low, high }: NonNullable<Side['task']>): string =>
  `${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)} %`;
