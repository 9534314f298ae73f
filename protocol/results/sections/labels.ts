/** What a result of labels shows. */
import { labelWords, statisticInfos } from '../head-words';
import { headLabels, type HeadLabel } from '../heads';
import type { HeadClass } from '../heads-schema';
import type { HeadsLayer } from '../../sections/heads';
import { mostNumbers, mostRows } from '../../sections/section-base';
import type { Section } from '../../sections/section';
import type { SectionColumn } from '../../sections/table';
import { hasHeads, noHeads } from './label-finding';
import { headsByLabel, leastDeviation, thresholds } from '../label-rules';
import type { LabelledResult } from '../labelled-heads';
import { cellOf } from '../../sections/cell';
import * as build from '../../sections/builders';

const headsTitle = 'Statistics and labels of each head';

export function labelSections(result: Partial<LabelledResult>): readonly Section[] {
  const { statistics, classes, classAblations, labelScores } = result;
  if (statistics && !hasHeads(statistics)) return [build.paragraphs('heads', headsTitle, [`${noHeads}.`])];
  return [
    ...(statistics ? [headsSection(result)] : []),
    ...(classes ? [labelledSection(classes, result)] : []),
    ...(classAblations && classes ? [togetherSection(classes, classAblations)] : []),
    ...(labelScores ? [chartSection(labelScores)] : []),
  ];
}

/** Labels whose score is none of the statistics of the prompt. */
export const scoredApart = ['induction', 'duplicate-token', 'retrieval', 'uniform'] as const satisfies HeadLabel[];

export const scoreTitles: Readonly<Record<(typeof scoredApart)[number], string>> = {
  induction: 'Induction, random sequence',
  'duplicate-token': 'Duplicate token, random sequence',
  retrieval: 'Retrieval, random haystack',
  uniform: 'Uniformity',
};

/** Groups of keys that a grid has room for beside the statistics and the scores. */
const mostGroups = mostNumbers - statisticInfos.length - scoredApart.length;

function headsSection({ statistics, groups = {}, labelScores = {}, classes, tokens }: Partial<LabelledResult>) {
  const measured: HeadsLayer[] = statisticInfos.map(({ id, title, unit = '', definition }) =>
    build.amounts(id, title, definition, statistics?.[id] ?? [], unit),
  );
  const all = Object.entries(groups);
  const named: HeadsLayer[] = all
    .slice(0, mostGroups)
    .map(([name, values]) =>
      build.amounts(
        `group-${name}`,
        `Mass on ${name}`,
        `Mean, over the queries from its first key on, of the mass on the keys of the group "${name}".`,
        values,
      ),
    );
  const ranks = ranksOf(classes ?? []);
  const scored: HeadsLayer[] = scoredApart.flatMap((label) => {
    const values = labelScores[label]?.score;
    const { definition } = labelWords[label];
    return values ? [build.shares(`score-${label}`, scoreTitles[label], definition, values)] : [];
  });
  return build.heads(
    'heads',
    headsTitle,
    `Statistics are means over the queries of the prompt (${tokens === 1 ? '1 token' : `${tokens ?? 'its'} tokens`}); p(i, j) is the probability that query i gives key j.${all.length > mostGroups ? ` Of ${all.length} groups of keys the first ${mostGroups} are here.` : ''}`,
    [...measured, ...named, ...scored],
    {
      ask: 'Show its attention',
      classes: classes
        ? headsByLabel(classes).map(({ label, heads }) =>
            build.headClass(label, labelWords[label].title, classDefinition(label), heads.map(placeOf), {
              letter: labelWords[label].letter,
              look: { colour: headLabels.indexOf(label), shape: labelWords[label].shape },
              scores: heads.map(({ score }) => score),
              ranks: heads.map((one) => ranks.get(one) ?? 0),
            }),
          )
        : undefined,
      marked: classes ? unique(classes) : undefined,
    },
  );
}

const classDefinition = (label: HeadLabel): string =>
  `${labelWords[label].definition} The label needs a score that is more than chance, and ${thresholds[label]} of the way from what is to be expected to 1.`;

const placeOf = ({ layer, head }: HeadClass): { layer: number; head: number } => ({ layer, head });

/** In a result the label with the strongest evidence comes first among those of a head. */
function ranksOf(classes: readonly HeadClass[]): ReadonlyMap<HeadClass, number> {
  const before = new Map<string, number>();
  return new Map(
    classes.map((one) => {
      const key = `${one.layer}.${one.head}`;
      const rank = before.get(key) ?? 0;
      before.set(key, rank + 1);
      return [one, rank];
    }),
  );
}

const unique = (classes: readonly HeadClass[]): readonly { layer: number; head: number }[] => [
  ...new Map(classes.map((one) => [`${one.layer}.${one.head}`, placeOf(one)])).values(),
];

const lossColumns = (removed: string): readonly SectionColumn[] => [
  build.number(
    'lossChange',
    'Loss change, random sequence',
    `Mean next-token loss on the second half of a repeated random sequence without ${removed}, less that with it.`,
    'nats/token',
  ),
  build.number(
    'promptLossChange',
    'Loss change, prompt',
    `The same on the prompt, over all tokens but its first and those of a picture.`,
    'nats/token',
  ),
];

function labelledSection(classes: readonly HeadClass[], { labelScores = {} }: Partial<LabelledResult>) {
  const checked = classes.some(({ causal }) => causal !== undefined);
  return build.cellTable(
    'labelled',
    'Labelled heads',
    `A null deviation below ${leastDeviation} counts as ${leastDeviation} where it was measured on random sequences.${classes.length > mostRows ? ` The first ${mostRows} of ${classes.length} labels.` : ''}`,
    [
      build.head(),
      build.text('label', 'Label'),
      build.number('score', 'Score', 'What the label measures, from 0 to 1.'),
      build.number(
        'needed',
        'Score needed',
        'From this score on, and where it is more than chance, the head has the label.',
      ),
      build.number(
        'nullMean',
        'Null mean',
        'The mean of the score where the structure that the label names is absent.',
      ),
      build.number('nullSd', 'Null sd', 'The standard deviation of the same.'),
      {
        ...build.number(
          'confidence',
          'Confidence',
          'Distribution function of (score - null mean) / null sd: normal, or Student’s where the null was measured on random sequences.',
        ),
        digits: 6,
      },
      ...(checked ? lossColumns('the head') : []),
    ],
    classes.slice(0, mostRows).map((one) => {
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
    { ask: 'Show its attention', empty: 'No head has a label.' },
  );
}

const togetherSection = (classes: readonly HeadClass[], ablations: NonNullable<LabelledResult['classAblations']>) =>
  build.cellTable(
    'together',
    'All heads of a label removed at once',
    'Changes of the loss on one random sequence and on this prompt, on top of the interventions of the run. A head alone may be missed without loss while others do its work.',
    [
      build.text('label', 'Label'),
      build.number('heads', 'Heads', 'How many heads have the label.'),
      ...lossColumns('all of them'),
      build.number(
        'alreadyOff',
        'Already off',
        'How many of them an intervention of the run has removed: they are in neither loss.',
      ),
    ],
    ablations.map(({ label, heads, lossChange, promptLossChange, alreadyOff }) => [
      labelWords[label].title,
      heads,
      cellOf(lossChange),
      cellOf(promptLossChange),
      cellOf(alreadyOff),
    ]),
    {
      empty:
        classes.length === 0
          ? 'No head has a label, so nothing was removed.'
          : 'The model predicts no next token, so there is no loss to measure.',
    },
  );

const chartSection = (labelScores: NonNullable<LabelledResult['labelScores']>) =>
  build.chart(
    'null',
    'Score of each head against its null model',
    'On the line a score is what it would be without the structure that the label names.',
    build.shareAxis('mean of the null model'),
    build.shareAxis('score'),
    headLabels.flatMap((label) => {
      const scores = labelScores[label];
      if (!scores) return [];
      const points = scores.score.flatMap((row, layer) =>
        row.map((y, head) => ({
          x: scores.nullMean[layer]?.[head] ?? Number.NaN,
          y,
          label: `L${layer}H${head}`,
        })),
      );
      return [build.points(label, labelWords[label].title, points)];
    }),
    { references: [{ label: 'score = null', from: [0, 0], to: [1, 1] }] },
  );
