/** The ablation grid as a table and a chart. */
import type { Section } from '../../../protocol/sections/section';
import { percent } from '../../../protocol/wire/number-words';
import type { GridRow, RazorResult } from './result';
import * as build from '../../../protocol/sections/builders';

export function gridSections({ prompts, full, rows }: NonNullable<RazorResult['grid']>): readonly Section[] {
  const words = `${prompts} pass keys, all of each prompt read under the plan.`;
  const series = [true, false].flatMap((compensation) =>
    [...new Set(rows.map(({ echo }) => echo))].map((echo) => ({ compensation, echo })),
  );
  return [
    build.chart(
      'grid',
      'Pass keys found by share of induction heads',
      `${words} Mean: with the compensation token. Intervals stand in the table.`,
      build.axis('induction heads, share of all'),
      build.shareAxis('pass keys found'),
      series.map(({ compensation, echo }, at) => ({
        id: `series-${at}`,
        title: `${compensation ? 'Mean' : 'No mean'}, echo ${percent(echo)}`,
        mark: 'line' as const,
        look: { colour: echo === 0 ? 0 : 1, shape: compensation ? 0 : 1 },
        points: rows
          .filter((row) => row.echo === echo && row.compensation === compensation)
          .map(({ induction, accuracy }) => ({ x: induction, y: accuracy })),
      })),
      {
        references: [
          {
            label: 'full cache',
            from: [rows[0]?.induction ?? 0, full.accuracy],
            to: [rows.at(-1)?.induction ?? 1, full.accuracy],
          },
        ],
      },
    ),
    build.table(
      'grid-rows',
      'Ablation grid',
      words,
      [full, ...rows],
      [
        build.text('heads-kept', 'Plan', (row) => (row === full ? 'full cache' : nameOf(row))),
        build.count(
          'heads',
          'Full heads',
          'Key/value heads that keep everything: the union of both lists.',
          (row) => row.heads,
        ),
        build.number(
          'share',
          'Bytes',
          'Bytes of the caches at the end of the prompts over those of the full cache.',
          (row) => row.share,
        ),
        build.number(
          'accuracy',
          'Found',
          'Share of the prompts that greedy decoding answers with all tokens of the key.',
          (row) => row.accuracy,
        ),
        build.number('low', 'from', "Lower end of Wilson's 95 % interval.", (row) => row.low),
        build.number('high', 'to', "Upper end of Wilson's 95 % interval.", (row) => row.high),
        build.number(
          'loss',
          'Loss',
          'Mean of -ln of the probability of the first token of the key.',
          'nats',
          (row) => row.loss,
        ),
      ],
    ),
  ];
}

const nameOf = ({ induction, echo, compensation }: GridRow): string =>
  `${percent(induction)} induction, ${percent(echo)} echo, ${compensation ? 'with' : 'without'} the mean`;
