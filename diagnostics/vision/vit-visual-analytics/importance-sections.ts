/** Sections on what heads are worth. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { HeadsLayer, HeadsSection } from '../../../protocol/sections/heads';
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import { cellOf, countColumn, numberColumn } from '../../shared/sections/cell';
import { percent, threeDigits } from '../../shared/words';
import type { Importance } from './importance';
import { metricTitles, type Metric } from './metrics';
import type { PruneCurve } from './pruning';
import { mostImportant, prunedHeads } from './offers';
import type { ClassResult, PictureResult, PlainScore, VitResult } from './result';

type Partly = Partial<VitResult>;

export const asks = {
  importance: 'Show what parts of it are worth',
  strength: 'Show its profile',
  groups: 'Show what one patch reads',
  pictures: 'Show its heads',
  classes: 'Show its heads',
  places: 'Show its mean pattern',
} as const;

export const importanceSections = (result: Partly): readonly Section[] => [
  ...(result.importance ? [headsSection(result.importance, result)] : []),
  ...(result.agreement && result.importance ? [agreementSection(result.agreement, result.importance)] : []),
  ...(result.curves && result.curves.length > 0 ? curveSections(result.curves, result) : []),
  ...(result.byClass && result.byClass.length > 0 ? [classesSection(result.byClass)] : []),
  ...(result.pictures && result.pictures.length > 0 ? [picturesSection(result.pictures)] : []),
];

const numberTitles: Readonly<Record<Metric, string>> = {
  probability: 'M1: drop of the probability',
  accuracy: 'M2: drop of the accuracy',
  divergence: 'M3: change of the distribution',
  representation: 'M4: change of the representation',
  kept: 'Keep one: probability with this head alone',
};

const definitions: Readonly<Record<Metric, string>> = {
  probability: 'Mean over pictures of p(class), whole model, less p(class) without the head.',
  accuracy: 'Accuracy of the whole model less that without the head.',
  divergence: 'Mean Jensen-Shannon divergence of the classes’ probabilities with and without the head; at most ln 2.',
  representation: 'Mean of 1 - cosine of what the classifier reads, with and without the head.',
  kept: 'Mean p(class) with all other heads of the layer taken away. To compare heads of one layer: in a layer that does little, it is large for all.',
};

const units: Readonly<Record<Metric, string>> = {
  probability: '',
  accuracy: '',
  divergence: 'nats',
  representation: '',
  kept: '',
};

function headsSection(importance: readonly Importance[], result: Partly): HeadsSection {
  const { ranked, reader } = result;
  const layer = ({ metric, values, low, high }: Importance): HeadsLayer => ({
    name: metric,
    title: numberTitles[metric],
    unit: units[metric],
    definition: definitions[metric],
    scale: metric === 'probability' || metric === 'accuracy' ? { kind: 'diverging' } : { kind: 'sequential', min: 0 },
    values,
    low,
    high,
    interval: '95 % interval over pictures (Student’s t)',
  });
  const by = reader === 'probe' ? 'a linear probe on its representation' : 'its own classifier';
  return {
    kind: 'heads',
    id: 'importance',
    title: 'What each head is worth',
    caption: `Each head alone is taken away (its output set to 0) on ${ranked?.pictures ?? 0} pictures, which ${by} names. Two heads that do the same both look unimportant: compare with what a head keeps alone. Where p(class) is near 1, the change of the distribution shows more than the drop.`,
    ask: asks.importance,
    numbers: importance.map(layer),
    ...(result.curves
      ? {
          marked: [mostImportant(importance)].flatMap((best) => (best ? [{ layer: best.layer, head: best.head }] : [])),
          classes: [
            {
              name: 'prune',
              title: 'to prune',
              definition: `The ${percent(result.share ?? 0)} of the heads that matter least by ${metricTitles[result.metric ?? 'divergence']}.`,
              heads: prunedHeads(result),
            },
          ],
        }
      : {}),
  };
}

function agreementSection(agreement: readonly (readonly number[])[], importance: readonly Importance[]): MapSection {
  const labels = importance.map(({ metric }) => metricTitles[metric]);
  return {
    kind: 'map',
    id: 'agreement',
    title: 'Do the metrics agree?',
    caption: 'Of the ranks of all heads. Empty where a metric is the same for all heads.',
    unit: '',
    definition: 'Spearman’s rank correlation over heads',
    scale: { kind: 'diverging', max: 1 },
    rows: { title: 'metric', labels, named: true },
    columns: { title: 'metric', labels, named: true },
    values: agreement,
  };
}

function curveSections(curves: readonly PruneCurve[], { heldOut }: Partly): readonly ChartSection[] {
  const chart = (id: 'accuracy' | 'probability', title: string, axis: string): ChartSection => ({
    kind: 'chart',
    id: `pruning-${id}`,
    title,
    caption: `The least important heads first, on ${heldOut?.pictures ?? 0} pictures that heads were not ranked on; three random orders for comparison.`,
    x: { title: 'share of heads pruned', unit: '', scale: 'linear', min: 0, max: 1 },
    y: { title: axis, unit: '', scale: 'linear', min: 0, max: 1 },
    series: curves.map((curve) => ({
      id: curve.id,
      title: curve.title,
      mark: 'line',
      points: curve.points.map((point) => ({ x: point.share, y: point[id] })),
    })),
  });
  return [
    chart('accuracy', 'Accuracy as heads are pruned', 'accuracy'),
    chart('probability', 'Probability of the class as heads are pruned', 'mean p(class)'),
  ];
}

const classesSection = (classes: readonly ClassResult[]): TableSection => ({
  kind: 'table',
  id: 'classes',
  title: 'Classes',
  ask: asks.classes,
  columns: [
    { name: 'class', title: 'class', kind: 'text' },
    countColumn('pictures', 'pictures', 'Pictures on which heads are ranked.'),
    numberColumn('accuracy', 'accuracy', 'Of the whole model on them.'),
  ],
  rows: classes.map(({ name, pictures, accuracy }) => [name, pictures, cellOf(accuracy)]),
});

const picturesSection = (pictures: readonly PictureResult[]): TableSection => ({
  kind: 'table',
  id: 'pictures',
  title: 'Pictures',
  ask: asks.pictures,
  columns: [
    { name: 'picture', title: 'picture', kind: 'text' },
    { name: 'class', title: 'class', kind: 'text' },
    { name: 'predicted', title: 'predicted', kind: 'text' },
    numberColumn('probability', 'p(class)', 'Probability of its class, whole model.'),
    { name: 'part', title: 'served for', kind: 'text' },
  ],
  rows: pictures.map(({ name, label, predicted, probability, part }) => [
    name,
    label,
    predicted,
    cellOf(probability),
    part,
  ]),
});

/** Drops of one class or picture as a matrix of heads. */
export const dropsSection = (
  id: string,
  title: string,
  caption: string,
  values: HeadsLayer['values'],
): HeadsSection => ({
  kind: 'heads',
  id,
  title,
  caption,
  numbers: [
    {
      name: 'drop',
      title: numberTitles.probability,
      unit: '',
      definition: 'p(class) of the whole model less p(class) without the head',
      scale: { kind: 'diverging' },
      values,
    },
  ],
});

export const scoreWords = ({ accuracy, low, high, pictures }: PlainScore): string =>
  `${percent(accuracy)} of ${pictures} pictures (95 % interval ${threeDigits(100 * low)} to ${threeDigits(100 * high)} %)`;
