/** The table of a model before and after a conversion. */
import type { TableSection } from '../../protocol/sections/table';
import type { BeforeAfter, Side } from './before-after';

interface Row {
  readonly title: string;
  readonly of: (side: Side) => number;
}

const rows: readonly Row[] = [
  { title: 'Loss on held-out text (of a task: on its answers), nats/token', of: ({ loss }) => loss },
  { title: 'Accuracy on held-out samples of the task, %', of: ({ task }) => 100 * (task?.accuracy ?? Number.NaN) },
  { title: 'Parameters, millions', of: ({ parameters }) => parameters / 1e6 },
  { title: 'Weights, MB', of: ({ weightBytes }) => weightBytes / 1e6 },
  { title: 'KV cache, bytes/token', of: ({ kvBytesPerToken }) => kvBytesPerToken },
  { title: 'Decoding, tokens/s', of: ({ tokensPerSecond }) => tokensPerSecond ?? Number.NaN },
];

export function beforeAfterSection({ before, after, speedup, written }: BeforeAfter): TableSection {
  const accuracy = before.task && after.task;
  const intervals = accuracy
    ? ` Accuracy: 95 % intervals (Wilson, n = ${before.task.n}) ${percent(before.task)} before, ${percent(after.task)} after.`
    : '';
  const speed = speedup
    ? ` Decoding: ${digits(speedup.median)} times the speed (quartiles of interleaved rounds ${digits(speedup.low)} to ${digits(speedup.high)}).`
    : '';
  const what = written
    ? `The checkpoint in ${written.folder}, opened, against its source.`
    : 'The parts are switched off in the model as it is; sizes are those of the checkpoint that a folder would get.';
  return {
    kind: 'table',
    id: 'before-after',
    title: 'Before and after',
    caption: `${what}${intervals}${speed}`,
    columns: [
      { name: 'quantity', title: 'Quantity', kind: 'text' },
      { name: 'before', title: 'Before', kind: 'number', digits: 4 },
      { name: 'after', title: written ? 'After' : 'After (emulated)', kind: 'number', digits: 4 },
      {
        name: 'change',
        title: 'Change',
        kind: 'number',
        unit: '%',
        definition: '100 (after - before) / before; for accuracy the difference in points of per cent',
      },
    ],
    rows: rows
      .filter(({ of }) => Number.isFinite(of(before)) && Number.isFinite(of(after)))
      .map(({ title, of }) => {
        const [old, now] = [of(before), of(after)];
        return [title, old, now, title.startsWith('Accuracy') ? now - old : (100 * (now - old)) / old];
      }),
  };
}

const digits = (value: number): string => value.toPrecision(3);
const percent = ({ low, high }: NonNullable<Side['task']>): string =>
  `${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)} %`;
