/** The table of a model before and after a conversion. */
import type { TableSection } from '../../../protocol/sections/table';
import type { BeforeAfter, Side } from './before-after';

export function beforeAfterSection({ before, after, rows, speedup, apart, written }: BeforeAfter): TableSection {
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
  return {
    kind: 'table',
    id: 'before-after',
    title: 'Before and after',
    caption: `${what}${same}${intervals}${speed}`,
    columns: [
      { name: 'quantity', title: 'Quantity', kind: 'text' },
      {
        name: 'before',
        title: 'Before',
        kind: 'number',
        unit: '',
        digits: 4,
        definition: 'of the model as it is, in the unit of the row',
      },
      {
        name: 'after',
        title: written ? 'After' : 'After (emulated)',
        kind: 'number',
        unit: '',
        digits: 4,
        definition: 'of the converted model, in the unit of the row',
      },
      {
        name: 'change',
        title: 'Change',
        kind: 'number',
        unit: '%',
        definition: '100 (after - before) / before; for accuracy the difference in points of per cent',
      },
      ...(ranges
        ? [
            {
              name: 'range',
              title: 'Interval',
              kind: 'text',
              definition:
                '98 % interval of the change of decoding: that of the slowest and the fastest of seven paired rounds',
            } as const,
          ]
        : []),
    ],
    rows: rows.map(({ quantity, unit, before: old, after: now, change, low, high }) => [
      `${quantity} (${unit})`,
      old,
      now,
      change,
      ...(ranges ? [low === undefined || high === undefined ? '' : `${digits(low)} to ${digits(high)} %`] : []),
    ]),
  };
}

const digits = (value: number): string => value.toPrecision(3);
const percent = ({ low, high }: NonNullable<Side['task']>): string =>
  `${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)} %`;
