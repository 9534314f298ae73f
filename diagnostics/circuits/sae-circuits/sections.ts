/** What codes of head outputs show. */
import type { ChartSection, SectionSeries } from '../../../protocol/sections/chart';
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import { modeWords } from '../../shared/effects/stand-ins';
import { metricWords } from '../../shared/effects/metric';
import { partName } from '../../shared/effects/parts';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import { firstHeads, isScored, mostNamed, rankingWords } from './finding';
import type {
  CurvePoint,
  OrderName,
  PerHead,
  RankingScore,
  Reference,
  SaeResult,
  Scores,
  Verification,
} from './result';
import * as build from '../../../protocol/sections/builders';

const askWords = 'Show its outputs in all examples';

export const sections = (result: Partial<SaeResult>): readonly Section[] => [
  ...(isScored(result) ? [headsSection(result)] : []),
  ...(result.rankings && result.rankings.length > 0 && result.reference
    ? rankingSections(result, result.rankings, result.reference)
    : []),
  ...(result.verification ? [verificationSection(result.verification)] : []),
  ...(result.together ? [togetherSection(result.together)] : []),
  ...(result.codeRows ? [codesSection(result.codeRows)] : []),
  ...(result.trainings && result.trainings.length > 0 ? [trainingsSection(result, result.trainings)] : []),
  ...(result.curves && result.curves.length > 0 ? [lossSection(result.curves)] : []),
];

/** A whole number. */
const countOf = (name: string, title: string, definition: string) =>
  ({ ...build.number(name, title, definition), digits: 6 }) as const;

export const nodeDefinition = (share: boolean): string =>
  `${share ? 'Share' : 'Number'} of the head’s codes that occur in a prompt and in no counterpart; mean over trainings.`;

function headsSection(result: Parameters<typeof firstHeads>[0]) {
  const { node, edge, difference, separation, norm, reference, share = false } = result;
  const scale = build.ranges.sequential;
  const trained = (scores: Scores) => ({
    values: scores.mean,
    ...(scores.low.flat().every((value) => Number.isNaN(value))
      ? {}
      : { low: scores.low, high: scores.high, interval: "95 % interval over trainings (Student's t)" }),
  });
  const plain = (
    name: string,
    title: string,
    unit: string,
    definition: string,
    values: PerHead | undefined,
  ): readonly HeadsLayer[] => (values ? [build.scaled(scale, name, title, definition, values, unit)] : []);
  return build.heads(
    'scores',
    'Codes that only prompts have',
    `${counted(result.pairs, 'prompt', 'prompts')}, each with its counterpart${result.leftOut ? `; ${result.leftOut} were left out: they have no counterpart of as many tokens` : ''}. Scores grow with the number of prompts: compare results of equal numbers alone.`,
    [
      {
        name: 'node',
        title: 'Node score',
        unit: share ? '' : 'codes',
        definition: nodeDefinition(share),
        scale,
        ...trained(node),
      },
      edge && {
        name: 'edge',
        title: 'Edge score',
        unit: '',
        definition:
          'How often the head is named by the pairs of heads with most pairs of codes that only prompts have: both heads of each ordered pair in turn, M^2 / 2 names, M heads; pairs that are equal at the end share what is left. Mean over trainings.',
        scale,
        ...trained(edge),
      },
      ...plain(
        'separation',
        'Linear separation',
        '',
        'Area under the ROC curve of prompts against counterparts, by a linear discriminant of all other pairs (least squares with a ridge); 0.5 by chance. No autoencoder.',
        separation,
      ),
      ...plain(
        'difference',
        'Difference of means',
        'residual stream',
        'Norm of the mean output over prompts less that over counterparts. No autoencoder.',
        difference,
      ),
      ...plain(
        'norm',
        'Norm',
        'residual stream',
        'Mean norm of what the head adds to the residual stream. The squared error of the autoencoder is mostly that of heads with large norms: small ones may share one code.',
        norm,
      ),
    ],
    {
      ask: askWords,
      classes: reference
        ? [build.headClass('reference', 'in the reference', reference.from, reference.heads)]
        : undefined,
      marked: firstHeads(result, mostNamed),
    },
  );
}

function rankingSections(
  { heads = [] }: Partial<SaeResult>,
  rankings: readonly RankingScore[],
  { heads: sought, from }: Reference,
): readonly Section[] {
  const total = heads.reduce((sum, count) => sum + count, 0);
  const share = threeDigits(sought.length / total);
  const curve = (x: (point: CurvePoint) => number, y: (point: CurvePoint) => number): readonly SectionSeries[] =>
    rankings.map(({ name, curve: points }) =>
      build.line(
        name,
        rankingWords[name],
        points.flatMap((point) =>
          Number.isNaN(y(point)) ? [] : [{ x: x(point), y: y(point), label: counted(point.taken, 'head', 'heads') }],
        ),
      ),
    );
  const [none, all] = [
    [0, 0],
    [1, 1],
  ] as const;
  const axis = (title: string) => build.shareAxis(title);
  const table: TableSection = build.table(
    'rankings',
    'Heads of the reference, found by rankings',
    `${from} It has ${sought.length} of ${total} heads. By chance the area is 0.5, average precision ${share}. The last two rankings need no autoencoder; untrained ones have the weights of the first step.`,
    rankings,
    [
      build.text('ranking', 'Ranking', ({ name }) => rankingWords[name]),
      build.number(
        'area',
        'Area',
        'Area under the ROC curve of the mean score over trainings; a pair of equal scores counts half.',
      ),
      build.number('each', 'Of one training', 'Mean of the areas of single trainings.', ({ each }) => each?.mean),
      build.number(
        'low',
        'From',
        "Lower end of its 95 % interval over trainings (Student's t).",
        ({ each }) => each?.low,
      ),
      build.number('high', 'To', 'Upper end of it.', ({ each }) => each?.high),
      build.number(
        'average',
        'Average precision',
        'Sum over thresholds of the precision times what the recall gains.',
        ({ averagePrecision }) => averagePrecision,
      ),
      build.number('f1', 'Best F1', 'Largest harmonic mean of precision and recall.'),
      { ...countOf('taken', 'Heads', 'Heads above the threshold with the best F1.'), cell: ({ taken }) => taken },
      build.number('precision', 'Precision', 'Share of them that the reference has.'),
      build.number('recall', 'Recall', 'Share of the reference among them.'),
    ],
  );
  const roc: ChartSection = build.chart(
    'roc',
    'ROC curves of the rankings',
    'Heads are taken from the largest score on; equal scores together.',
    axis('Share of the other heads'),
    axis('Share of the reference'),
    curve(
      ({ falsePositives }) => falsePositives,
      ({ truePositives }) => truePositives,
    ),
    { references: [{ label: 'chance', from: none, to: all }] },
  );
  const precision: ChartSection = build.chart(
    'precision-recall',
    'Precision and recall',
    '',
    axis('Recall'),
    axis('Precision'),
    curve(
      ({ truePositives }) => truePositives,
      (point) => point.precision,
    ),
    { references: [{ label: 'chance', from: [0, sought.length / total], to: [1, sought.length / total] }] },
  );
  return [table, roc, precision];
}

const orderWords: Readonly<Record<OrderName, string>> = {
  node: 'by node score',
  difference: 'by difference of means',
  random: 'random',
  reference: 'of the reference',
};

function verificationSection({ mode, metric, prompts, randomSets, whole, nothing, orders }: Verification) {
  const { name, unit } = metricWords[metric];
  const most = Math.max(1, ...orders.flatMap(({ points }) => points.map(({ taken }) => taken)));
  const level = (label: string, value: number) => ({ label, from: [1, value], to: [most, value] }) as const;
  return build.chart(
    'verification',
    'Heads taken away',
    `${counted(prompts, 'held-out prompt', 'held-out prompts')}; ${modeWords[mode]} replace the heads, and MLPs run as usual. A ranking that finds the circuit falls faster than ${counted(randomSets, 'random order', 'random orders')}.`,
    build.logAxis('Heads taken away', 'log2'),
    build.axis(`Mean ${name}`, unit),
    orders.map(({ name: order, points }) =>
      build.line(
        order,
        orderWords[order],
        points.map(({ taken, mean, low, high }) => ({ x: taken, y: mean, low, high })),
      ),
    ),
    {
      references: [level('all heads', whole), level('no head', nothing)],
      interval: "95 % over prompts (Student's t); of random orders the least and the largest mean",
    },
  );
}

function togetherSection({ heads, counts }: NonNullable<SaeResult['together']>): MapSection {
  const labels = heads.map(partName);
  return {
    kind: 'map',
    id: 'together',
    title: 'Pairs of codes that only prompts have',
    caption: `The ${counted(heads.length, 'head', 'heads')} with the largest node scores.`,
    unit: 'pairs of codes',
    definition:
      'Different pairs (code of one head, code of the other) that some prompt has and no counterpart; mean over trainings. A head with itself has none.',
    scale: build.ranges.sequential,
    rows: { title: 'Head', labels },
    columns: { title: 'Head', labels },
    values: counts,
  };
}

const codesSection = (rows: NonNullable<SaeResult['codeRows']>) =>
  build.table(
    'codes',
    'Which examples share a code',
    'The heads with the largest node scores, in the first training. Prompts are numbered in order, without the held-out ones; a counterpart has the number of its prompt.',
    rows,
    [
      build.head(),
      { ...countOf('code', 'Code', 'Number of the feature that is most active.'), cell: ({ code }) => code },
      { ...countOf('prompts', 'Prompts', 'Prompts that have it.'), cell: ({ prompts }) => prompts },
      {
        ...countOf('counterparts', 'Counterparts', 'Counterparts that have it.'),
        cell: ({ counterparts }) => counterparts,
      },
      build.text('only', 'Only in prompts', ({ counterparts }) => (counterparts === 0 ? 'yes' : 'no')),
      build.text('which', 'Which'),
    ],
    { ask: askWords },
  );

const trainingsSection = (
  { features = 0, sparsity = 0, steps = 0, examples = 0 }: Partial<SaeResult>,
  rows: SaeResult['trainings'],
) =>
  build.table(
    'trainings',
    'Trainings',
    `${features} features, sparsity ${sparsity}, ${steps} steps on ${counted(examples, 'example', 'examples')} of all heads.`,
    rows,
    [
      { ...countOf('number', 'Training', 'Its number.'), cell: (row) => row.number },
      build.number(
        'first',
        'First loss',
        'At the first step: mean squared error of a channel + sparsity x 768 / width x sum of activations.',
        (row) => row.firstLoss,
      ),
      build.number('loss', 'Last loss', 'At the last step.', (row) => row.loss),
      build.number(
        'unexplained',
        'Unexplained',
        'Squared error of the training examples as a share of the variance of all head outputs.',
        (row) => row.unexplained,
      ),
      build.number(
        'others',
        'Of other examples',
        'The same of examples that it was not trained on.',
        (row) => row.unexplainedOthers,
      ),
      build.number(
        'active',
        'Active features',
        'Mean number above 0 of a head in an example.',
        'features',
        (row) => row.active,
      ),
      { ...countOf('codes', 'Codes', 'Different codes of all heads in all examples.'), cell: (row) => row.codes },
      build.number('node', 'Area, nodes', 'Area under the ROC curve of its node scores.', (row) => row.nodeArea),
      build.number('edge', 'Area, edges', 'Area under the ROC curve of its edge scores.', (row) => row.edgeArea),
    ],
  );

const lossSection = (curves: SaeResult['curves']) =>
  build.chart(
    'loss',
    'Loss while training',
    '',
    build.axis('Step', '', { min: 0 }),
    build.axis('Loss', '', { min: 0 }),
    curves.map(({ loss }, at) =>
      build.line(
        String(at + 1),
        `training ${at + 1}`,
        loss.map(({ step, mean }) => ({ x: step, y: mean })),
      ),
    ),
  );
