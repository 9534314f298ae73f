/** What a result of DuoAttention shows. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import { bytesTable } from '../../shared/plans/bytes-table';
import { kvName } from '../../shared/plans/places';
import { cellOf, countColumn, numberColumn } from '../../shared/sections/cell';
import { counted, threeDigits } from '../../shared/words';
import type { DuoResult } from './result';

const isKnown = (result: Partial<DuoResult>): result is DuoResult => result.gates !== undefined;

export const distanceMeans =
  'Mean over the tokens of questions and answers and over the channels of the squared difference, behind the final norm, from the run with full attention.';

const gateMeans = {
  gradient:
    'alpha of the key/value head: its output is alpha times that of full attention plus 1 - alpha times that over sinks and recents.',
  'first-order': `${distanceMeans} Here the key/value head alone streams.`,
  published: 'alpha of the key/value head, as published, clipped to 0 to 1.',
} as const;

export function sections(result: Partial<DuoResult>): readonly Section[] {
  if (!isKnown(result)) return [];
  return [
    gatesSection(result),
    ranking(result),
    ...(result.curve.length > 0 ? curves(result) : []),
    ...(result.checks ? [checkTable(result, result.checks)] : []),
    bytesTable(result.bytes),
    ...(result.notes.length > 0
      ? [{ kind: 'text' as const, id: 'notes', title: 'Notes', paragraphs: result.notes }]
      : []),
  ];
}

const gateTitle = ({ method }: DuoResult): string => (method === 'first-order' ? 'Distance' : 'Gate');

function gatesSection(result: DuoResult): HeadsSection {
  const { gates, plan, method, threshold, windows } = result;
  const full = plan.flatMap((row, layer) =>
    row.flatMap(({ kind }, head) => (kind === 'full' ? [{ layer, head }] : [])),
  );
  return {
    kind: 'heads',
    id: 'gates',
    title: method === 'first-order' ? 'Distance when a head alone streams' : 'Gates by key/value head',
    caption: `Streaming heads read the first ${windows.trainSinks} and the newest ${windows.trainRecent} positions while gates are found. From ${threeDigits(threshold)} on a head keeps everything.`,
    cell: 'key/value head',
    ask: 'Flip it, and measure',
    numbers: [
      {
        name: 'gate',
        title: gateTitle(result),
        unit: '',
        definition: gateMeans[method],
        scale: { kind: 'sequential', min: 0, ...(method === 'first-order' ? {} : { max: 1 }) },
        values: gates,
      },
    ],
    classes: [
      {
        name: 'full',
        title: 'Keeps everything',
        definition: 'Chosen by sparsity or threshold: a retrieval head. The others stream.',
        heads: full,
      },
    ],
    marked: full,
  };
}

function ranking(result: DuoResult): ChartSection {
  const { gates, threshold, method } = result;
  const ranked = gates
    .flatMap((row, layer) => row.map((gate, head) => ({ layer, head, gate })))
    .sort((a, b) => b.gate - a.gate || a.layer - b.layer || a.head - b.head);
  return {
    kind: 'chart',
    id: 'ranking',
    title: `${gateTitle(result)}s by rank`,
    caption: `The ${result.full} largest of ${ranked.length} keep everything.`,
    x: { title: 'key/value heads, largest first', unit: '', scale: 'linear', min: 0 },
    y: {
      title: method === 'first-order' ? 'distance' : 'gate',
      unit: '',
      scale: 'linear',
      min: 0,
      ...(method === 'first-order' ? {} : { max: 1 }),
    },
    series: [
      {
        id: 'gates',
        title: method === 'first-order' ? 'distance' : 'gate',
        mark: 'points',
        points: ranked.map((place, rank) => ({ x: rank, y: place.gate, label: kvName(place) })),
      },
    ],
    references: [{ label: 'threshold', from: [0, threshold], to: [Math.max(1, ranked.length - 1), threshold] }],
  };
}

function curves({ curve }: DuoResult): readonly ChartSection[] {
  const x = { title: 'step', unit: '', scale: 'linear', min: 0 } as const;
  const line = (id: string, title: string, of: (point: DuoResult['curve'][number]) => number) => ({
    id,
    title,
    mark: 'line' as const,
    points: curve.map((point) => ({ x: point.step, y: of(point) })),
  });
  return [
    {
      kind: 'chart',
      id: 'distance',
      title: 'Distance while gates are trained',
      caption: `${distanceMeans} Of the prompt of each step, before its update.`,
      x,
      y: { title: 'distance', unit: '', scale: 'linear', min: 0 },
      series: [line('distance', 'distance', ({ distance }) => distance)],
    },
    {
      kind: 'chart',
      id: 'mean-gate',
      title: 'Mean gate while gates are trained',
      caption: 'The penalty is this times its weight.',
      x,
      y: { title: 'mean gate', unit: '', scale: 'linear', min: 0, max: 1 },
      series: [line('mean', 'mean gate', ({ mean }) => mean)],
    },
  ];
}

const checkTable = (
  { windows }: DuoResult,
  { prompts, tokens, rows }: NonNullable<DuoResult['checks']>,
): TableSection => ({
  kind: 'table',
  id: 'check',
  title: 'The choice beside others',
  caption: `${counted(prompts, 'further prompt', 'further prompts')} with ${tokens} key tokens. Streaming heads keep the first ${windows.trainSinks} and the newest ${windows.trainRecent} positions, as while gates were found; the uniform window has the bytes of the chosen heads.`,
  columns: [
    { name: 'name', title: 'Plan', kind: 'text' },
    countColumn('heads', 'Full heads', 'Key/value heads that keep everything.'),
    numberColumn('share', 'Bytes', 'Bytes of the caches at the end of the prompts over those of the full cache.'),
    numberColumn('distance', 'Distance', distanceMeans),
    numberColumn('accuracy', 'Right', 'Share of the key tokens that are the most probable ones where they stand.'),
    numberColumn('loss', 'Loss', 'Mean of -ln of the probability of the key tokens.', 'nats/token'),
    numberColumn(
      'divergence',
      'Divergence',
      'Kullback-Leibler divergence of the next-token distribution from that of the full cache, behind the first token of the last key; mean over prompts.',
      'nats',
    ),
  ],
  rows: rows.map((row) => [
    row.name,
    row.heads,
    row.share,
    cellOf(row.distance),
    cellOf(row.accuracy),
    cellOf(row.loss),
    cellOf(row.divergence),
  ]),
});
