/** What a result of DuoAttention shows. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { Section } from '../../../protocol/sections/section';
import { bytesTable } from '../../shared/plans/bytes-table';
import { kvName } from '../../shared/plans/places';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import type { CheckRow, DuoResult } from './result';
import * as build from '../../../protocol/sections/builders';

const isKnown = (result: Partial<DuoResult>): result is DuoResult => result.gates !== undefined;

const distanceMeans =
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
    ...(result.notes.length > 0 ? [build.paragraphs('notes', 'Notes', result.notes)] : []),
  ];
}

const gateTitle = ({ method }: DuoResult): string => (method === 'first-order' ? 'Distance' : 'Gate');

function gatesSection(result: DuoResult) {
  const { gates, plan, method, threshold, windows } = result;
  const full = plan.flatMap((row, layer) =>
    row.flatMap(({ kind }, head) => (kind === 'full' ? [{ layer, head }] : [])),
  );
  return build.heads(
    'gates',
    method === 'first-order' ? 'Distance when a head alone streams' : 'Gates by key/value head',
    `Streaming heads read the first ${windows.trainSinks} and the newest ${windows.trainRecent} positions while gates are found. From ${threeDigits(threshold)} on a head keeps everything.`,
    [
      build.scaled(
        { kind: 'sequential', min: 0, ...(method === 'first-order' ? {} : { max: 1 }) },
        'gate',
        gateTitle(result),
        gateMeans[method],
        gates,
      ),
    ],
    {
      cell: 'key/value head',
      ask: 'Flip it, and measure',
      classes: [
        build.headClass(
          'full',
          'Keeps everything',
          'Chosen by sparsity or threshold: a retrieval head. The others stream.',
          full,
        ),
      ],
      marked: full,
    },
  );
}

function ranking(result: DuoResult) {
  const { gates, threshold, method } = result;
  const ranked = gates
    .flatMap((row, layer) => row.map((gate, head) => ({ layer, head, gate })))
    .sort((a, b) => b.gate - a.gate || a.layer - b.layer || a.head - b.head);
  return build.chart(
    'ranking',
    `${gateTitle(result)}s by rank`,
    `The ${result.full} largest of ${ranked.length} keep everything.`,
    build.axis('key/value heads, largest first', '', { min: 0 }),
    {
      title: method === 'first-order' ? 'distance' : 'gate',
      unit: '',
      scale: 'linear',
      min: 0,
      ...(method === 'first-order' ? {} : { max: 1 }),
    },
    [
      build.points(
        'gates',
        method === 'first-order' ? 'distance' : 'gate',
        ranked.map((place, rank) => ({ x: rank, y: place.gate, label: kvName(place) })),
      ),
    ],
    { references: [{ label: 'threshold', from: [0, threshold], to: [Math.max(1, ranked.length - 1), threshold] }] },
  );
}

function curves({ curve }: DuoResult): readonly ChartSection[] {
  const x = build.axis('step', '', { min: 0 });
  const line = (id: string, title: string, of: (point: DuoResult['curve'][number]) => number) =>
    build.line(
      id,
      title,
      curve.map((point) => ({ x: point.step, y: of(point) })),
    );
  return [
    build.chart(
      'distance',
      'Distance while gates are trained',
      `${distanceMeans} Of the prompt of each step, before its update.`,
      x,
      build.axis('distance', '', { min: 0 }),
      [line('distance', 'distance', ({ distance }) => distance)],
    ),
    build.chart(
      'mean-gate',
      'Mean gate while gates are trained',
      'The penalty is this times its weight.',
      x,
      build.shareAxis('mean gate'),
      [line('mean', 'mean gate', ({ mean }) => mean)],
    ),
  ];
}

/** What a plan costs and does on the prompts of the check. */
export const planFigures: readonly build.Column<CheckRow>[] = [
  build.number(
    'share',
    'Bytes',
    'Bytes of the caches at the end of the prompts over those of the full cache.',
    (row) => row.share,
  ),
  build.number('distance', 'Distance', distanceMeans, (row) => row.distance),
  build.number(
    'accuracy',
    'Right',
    'Share of the key tokens that are the most probable ones where they stand.',
    (row) => row.accuracy,
  ),
  build.number('loss', 'Loss', 'Mean of -ln of the probability of the key tokens.', 'nats/token', (row) => row.loss),
];

const checkTable = ({ windows }: DuoResult, { prompts, tokens, rows }: NonNullable<DuoResult['checks']>) =>
  build.table(
    'check',
    'The choice beside others',
    `${counted(prompts, 'further prompt', 'further prompts')} with ${tokens} key tokens. Streaming heads keep the first ${windows.trainSinks} and the newest ${windows.trainRecent} positions, as while gates were found; the uniform window has the bytes of the chosen heads.`,
    rows,
    [
      build.text('name', 'Plan', (row) => row.name),
      build.count('heads', 'Full heads', 'Key/value heads that keep everything.', (row) => row.heads),
      ...planFigures,
      build.number(
        'divergence',
        'Divergence',
        'Kullback-Leibler divergence of the next-token distribution from that of the full cache, behind the first token of the last key; mean over prompts.',
        'nats',
        (row) => row.divergence,
      ),
    ],
  );
