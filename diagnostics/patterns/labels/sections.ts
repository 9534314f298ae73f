/** What a result of labels shows. */
import { labelWords, statisticInfos } from '../../../protocol/results/head-words';
import { headLabels, type HeadClass, type HeadLabel } from '../../../protocol/results/heads';
import type { ChartSection } from '../../../protocol/sections/chart';
import type { HeadsLayer, HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { SectionColumn, TableSection } from '../../../protocol/sections/table';
import { headsByLabel } from '../../shared/labels/causal-check';
import { leastDeviation } from '../../shared/labels/confidence';
import { thresholds } from '../../shared/labels/labels';
import type { LabelsResult } from './result';
import { cellOf } from '../../shared/sections/cell';

export const sections = (result: Partial<LabelsResult>): readonly Section[] => [
  ...(result.statistics ? [headsSection(result)] : []),
  ...(result.classes ? [labelledSection(result.classes, result)] : []),
  ...(result.classAblations && result.classes ? [togetherSection(result.classes, result.classAblations)] : []),
  ...(result.labelScores ? [chartSection(result.labelScores)] : []),
];

/** Labels whose score is none of the statistics of the prompt. */
export const scoredApart = ['induction', 'duplicate-token', 'retrieval', 'uniform'] as const satisfies HeadLabel[];

export const scoreTitles: Readonly<Record<(typeof scoredApart)[number], string>> = {
  induction: 'Induction, random sequence',
  'duplicate-token': 'Duplicate token, random sequence',
  retrieval: 'Retrieval, random haystack',
  uniform: 'Uniformity',
};

function headsSection({
  statistics,
  groups = {},
  labelScores = {},
  classes,
  tokens,
}: Partial<LabelsResult>): HeadsSection {
  const measured: HeadsLayer[] = statisticInfos.map(({ id, title, unit = '', definition }) => ({
    name: id,
    title,
    unit,
    definition,
    scale: { kind: 'sequential', min: 0 },
    values: statistics?.[id] ?? [],
  }));
  const named: HeadsLayer[] = Object.entries(groups).map(([name, values]) => ({
    name: `group-${name}`,
    title: `Mass on ${name}`,
    unit: '',
    definition: `Mean, over the queries from its first key on, of the mass on the keys of the group "${name}".`,
    scale: { kind: 'sequential', min: 0 },
    values,
  }));
  const scored: HeadsLayer[] = scoredApart.flatMap((label) => {
    const values = labelScores[label]?.score;
    const { definition } = labelWords[label];
    return values
      ? [
          {
            name: `score-${label}`,
            title: scoreTitles[label],
            unit: '',
            definition,
            scale: { kind: 'sequential', min: 0, max: 1 },
            values,
          },
        ]
      : [];
  });
  return {
    kind: 'heads',
    id: 'heads',
    title: 'Statistics and labels of each head',
    caption: `Statistics are means over the queries of the prompt (${tokens === 1 ? '1 token' : `${tokens ?? 'its'} tokens`}); p(i, j) is the probability that query i gives key j.`,
    ask: 'Show its attention',
    numbers: [...measured, ...named, ...scored],
    ...(classes
      ? {
          classes: headsByLabel(classes).map(({ label, heads }) => ({
            name: label,
            title: labelWords[label].title,
            definition: classDefinition(label),
            heads: heads.map(placeOf),
          })),
          marked: unique(classes),
        }
      : {}),
  };
}

const classDefinition = (label: HeadLabel): string =>
  `${labelWords[label].definition} The label needs a score that is more than chance, and ${thresholds[label]} of the way from what is to be expected to 1.`;

const placeOf = ({ layer, head }: HeadClass): { layer: number; head: number } => ({ layer, head });

const unique = (classes: readonly HeadClass[]): readonly { layer: number; head: number }[] => [
  ...new Map(classes.map((one) => [`${one.layer}.${one.head}`, placeOf(one)])).values(),
];

const lossColumns = (removed: string): readonly SectionColumn[] => [
  {
    name: 'lossChange',
    title: 'Loss change, random sequence',
    kind: 'number',
    unit: 'nats/token',
    definition: `Mean next-token loss on the second half of a repeated random sequence without ${removed}, less that with it.`,
  },
  {
    name: 'promptLossChange',
    title: 'Loss change, prompt',
    kind: 'number',
    unit: 'nats/token',
    definition: `The same on the prompt, over all tokens but its first and those of a picture.`,
  },
];

function labelledSection(classes: readonly HeadClass[], { labelScores = {} }: Partial<LabelsResult>): TableSection {
  const checked = classes.some(({ causal }) => causal !== undefined);
  return {
    kind: 'table',
    id: 'labelled',
    title: 'Labelled heads',
    caption: `A null deviation below ${leastDeviation} counts as ${leastDeviation} where it was measured on random sequences.`,
    ask: 'Show its attention',
    empty: 'No head has a label.',
    columns: [
      { name: 'head', title: 'Head', kind: 'head' },
      { name: 'label', title: 'Label', kind: 'text' },
      { name: 'score', title: 'Score', kind: 'number', unit: '', definition: 'What the label measures, from 0 to 1.' },
      {
        name: 'needed',
        title: 'Score needed',
        kind: 'number',
        unit: '',
        definition: 'From this score on, and where it is more than chance, the head has the label.',
      },
      {
        name: 'nullMean',
        title: 'Null mean',
        kind: 'number',
        unit: '',
        definition: 'The mean of the score where the structure that the label names is absent.',
      },
      {
        name: 'nullSd',
        title: 'Null sd',
        kind: 'number',
        unit: '',
        definition: 'The standard deviation of the same.',
      },
      {
        name: 'confidence',
        title: 'Confidence',
        kind: 'number',
        unit: '',
        digits: 6,
        definition:
          'Distribution function of (score - null mean) / null sd: normal, or Student’s where the null was measured on random sequences.',
      },
      ...(checked ? lossColumns('the head') : []),
    ],
    rows: classes.map((one) => {
      const { layer, head, label, score, null: none, confidence, causal } = one;
      return [
        placeOf(one),
        labelWords[label].title,
        cellOf(score),
        cellOf(labelScores[label]?.needed?.[layer]?.[head]),
        cellOf(none.mean),
        cellOf(none.sd),
        cellOf(confidence),
        ...(checked ? [cellOf(causal?.lossChange), cellOf(causal?.promptLossChange)] : []),
      ];
    }),
  };
}

const togetherSection = (
  classes: readonly HeadClass[],
  ablations: NonNullable<LabelsResult['classAblations']>,
): TableSection => ({
  kind: 'table',
  id: 'together',
  title: 'All heads of a label removed at once',
  caption:
    'Changes of the loss on one random sequence and on this prompt, on top of the interventions of the run. A head alone may be missed without loss while others do its work.',
  empty:
    classes.length === 0
      ? 'No head has a label, so nothing was removed.'
      : 'The model predicts no next token, so there is no loss to measure.',
  columns: [
    { name: 'label', title: 'Label', kind: 'text' },
    { name: 'heads', title: 'Heads', kind: 'number', unit: '', definition: 'How many heads have the label.' },
    ...lossColumns('all of them'),
    {
      name: 'alreadyOff',
      title: 'Already off',
      kind: 'number',
      unit: '',
      definition: 'How many of them an intervention of the run has removed: they are in neither loss.',
    },
  ],
  rows: ablations.map(({ label, heads, lossChange, promptLossChange, alreadyOff }) => [
    labelWords[label].title,
    heads,
    cellOf(lossChange),
    cellOf(promptLossChange),
    cellOf(alreadyOff),
  ]),
});

const chartSection = (labelScores: LabelsResult['labelScores']): ChartSection => ({
  kind: 'chart',
  id: 'null',
  title: 'Score of each head against its null model',
  caption: 'On the line a score is what it would be without the structure that the label names.',
  x: { title: 'mean of the null model', unit: '', scale: 'linear', min: 0, max: 1 },
  y: { title: 'score', unit: '', scale: 'linear', min: 0, max: 1 },
  series: headLabels.flatMap((label) => {
    const scores = labelScores[label];
    if (!scores) return [];
    const points = scores.score.flatMap((row, layer) =>
      row.map((y, head) => ({
        x: scores.nullMean[layer]?.[head] ?? Number.NaN,
        y,
        label: `L${layer}H${head}`,
      })),
    );
    return [{ id: label, title: labelWords[label].title, mark: 'points' as const, points }];
  }),
  references: [{ label: 'score = null', from: [0, 0], to: [1, 1] }],
});
