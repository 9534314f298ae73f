/** Sections on what heads are worth. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import { percent, threeDigits } from '../../../protocol/wire/number-words';
import type { Importance } from './importance';
import { metricTitles, type Metric } from './metrics';
import type { PruneCurve } from './pruning';
import { mostImportant, prunedHeads } from './offers';
import type { ClassResult, PictureResult, PlainScore, VitResult } from './result';
import * as build from '../../../protocol/sections/builders';

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

function headsSection(importance: readonly Importance[], result: Partly) {
  const { ranked, reader } = result;
  const layer = ({ metric, values, low, high }: Importance): HeadsLayer =>
    build.scaled(
      metric === 'probability' || metric === 'accuracy' ? build.ranges.diverging : build.ranges.fromZero,
      metric,
      numberTitles[metric],
      definitions[metric],
      values,
      units[metric],
      { low, high, interval: '95 % interval over pictures (Student’s t)' },
    );
  const by = reader === 'probe' ? 'a linear probe on its representation' : 'its own classifier';
  return build.heads(
    'importance',
    'What each head is worth',
    `Each head alone is taken away (its output set to 0) on ${ranked?.pictures ?? 0} pictures, which ${by} names. Two heads that do the same both look unimportant: compare with what a head keeps alone. Where p(class) is near 1, the change of the distribution shows more than the drop.`,
    importance.map(layer),
    {
      ask: asks.importance,
      marked: result.curves
        ? [mostImportant(importance)].flatMap((best) => (best ? [{ layer: best.layer, head: best.head }] : []))
        : undefined,
      classes: result.curves
        ? [
            build.headClass(
              'prune',
              'to prune',
              `The ${percent(result.share ?? 0)} of the heads that matter least by ${metricTitles[result.metric ?? 'divergence']}.`,
              prunedHeads(result),
            ),
          ]
        : undefined,
    },
  );
}

function agreementSection(agreement: readonly (readonly number[])[], importance: readonly Importance[]): MapSection {
  const labels = importance.map(({ metric }) => metricTitles[metric]);
  return {
    kind: 'map',
    id: 'agreement',
    title: 'Do the metrics agree?',
    caption: 'Correlation of the ranks of all heads. Empty where a metric is the same for all heads.',
    unit: '',
    definition: 'Spearman’s rank correlation over heads',
    scale: { kind: 'diverging', max: 1 },
    rows: { title: 'metric', labels, named: true },
    columns: { title: 'metric', labels, named: true },
    values: agreement,
  };
}

function curveSections(curves: readonly PruneCurve[], { heldOut }: Partly): readonly ChartSection[] {
  const chart = (id: 'accuracy' | 'probability', title: string, axis: string) =>
    build.chart(
      `pruning-${id}`,
      title,
      `The least important heads first, on ${heldOut?.pictures ?? 0} pictures that heads were not ranked on; three random orders for comparison.`,
      build.shareAxis('share of heads pruned'),
      build.shareAxis(axis),
      curves.map((curve) =>
        build.line(
          curve.id,
          curve.title,
          curve.points.map((point) => ({ x: point.share, y: point[id] })),
        ),
      ),
    );
  return [
    chart('accuracy', 'Accuracy as heads are pruned', 'accuracy'),
    chart('probability', 'Probability of the class as heads are pruned', 'mean p(class)'),
  ];
}

const classesSection = (classes: readonly ClassResult[]) =>
  build.table(
    'classes',
    'Classes',
    '',
    classes,
    [
      build.text('class', 'class', ({ name }) => name),
      build.count('pictures', 'pictures', 'Pictures on which heads are ranked.'),
      build.number('accuracy', 'accuracy', 'Accuracy of the whole model on them.'),
    ],
    { ask: asks.classes },
  );

const picturesSection = (pictures: readonly PictureResult[]) =>
  build.table(
    'pictures',
    'Pictures',
    '',
    pictures,
    [
      build.text('picture', 'picture', ({ name }) => name),
      build.text('class', 'class', ({ label }) => label),
      build.text('predicted', 'predicted'),
      build.number('probability', 'p(class)', 'Probability of its class, whole model.'),
      build.text('part', 'served for'),
    ],
    { ask: asks.pictures },
  );

/** Drops of one class or picture as a matrix of heads. */
export const dropsSection = (id: string, title: string, caption: string, values: HeadsLayer['values']) =>
  build.heads(id, title, caption, [
    build.signed(
      'drop',
      numberTitles.probability,
      'p(class) of the whole model less p(class) without the head',
      values,
    ),
  ]);

export const scoreWords = ({ accuracy, low, high, pictures }: PlainScore): string =>
  `${percent(accuracy)} of ${pictures} pictures (95 % interval ${threeDigits(100 * low)} to ${threeDigits(100 * high)} %)`;
