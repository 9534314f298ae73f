/** The ablation grid as a table and a chart. */
import type { Section } from '../../../protocol/sections/section';
import { cellOf, countColumn, numberColumn } from '../../shared/sections/cell';
import { percent } from '../../shared/words';
import type { GridRow, RazorResult } from './result';

export function gridSections({ prompts, full, rows }: NonNullable<RazorResult['grid']>): readonly Section[] {
  const words = `${prompts} pass keys, all of each prompt read under the plan.`;
  const series = [true, false].flatMap((compensation) =>
    [...new Set(rows.map(({ echo }) => echo))].map((echo) => ({ compensation, echo })),
  );
  return [
    {
      kind: 'chart',
      id: 'grid',
      title: 'Pass keys found by share of induction heads',
      caption: `${words} Mean: with the compensation token. Intervals stand in the table.`,
      x: { title: 'induction heads, share of all', unit: '', scale: 'linear' },
      y: { title: 'pass keys found', unit: '', scale: 'linear', min: 0, max: 1 },
      series: series.map(({ compensation, echo }, at) => ({
        id: `series-${at}`,
        title: `${compensation ? 'Mean' : 'No mean'}, echo ${percent(echo)}`,
        mark: 'line' as const,
        look: { colour: echo === 0 ? 0 : 1, shape: compensation ? 0 : 1 },
        points: rows
          .filter((row) => row.echo === echo && row.compensation === compensation)
          .map(({ induction, accuracy }) => ({ x: induction, y: accuracy })),
      })),
      references: [
        {
          label: 'full cache',
          from: [rows[0]?.induction ?? 0, full.accuracy],
          to: [rows.at(-1)?.induction ?? 1, full.accuracy],
        },
      ],
    },
    {
      kind: 'table',
      id: 'grid-rows',
      title: 'Ablation grid',
      caption: words,
      columns: [
        { name: 'heads-kept', title: 'Plan', kind: 'text' },
        countColumn('heads', 'Full heads', 'Key/value heads that keep everything: the union of both lists.'),
        numberColumn('share', 'Bytes', 'Bytes of the caches at the end of the prompts over those of the full cache.'),
        numberColumn(
          'accuracy',
          'Found',
          'Share of the prompts that greedy decoding answers with all tokens of the key.',
        ),
        numberColumn('low', 'from', "Lower end of Wilson's 95 % interval."),
        numberColumn('high', 'to', "Upper end of Wilson's 95 % interval."),
        numberColumn('loss', 'Loss', 'Mean of -ln of the probability of the first token of the key.', 'nats'),
      ],
      rows: [full, ...rows].map((row) => [
        row === full ? 'full cache' : nameOf(row),
        row.heads,
        row.share,
        row.accuracy,
        row.low,
        row.high,
        cellOf(row.loss),
      ]),
    },
  ];
}

const nameOf = ({ induction, echo, compensation }: GridRow): string =>
  `${percent(induction)} induction, ${percent(echo)} echo, ${compensation ? 'with' : 'without'} the mean`;
