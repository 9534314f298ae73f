/** What `amp` shows. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { HeadsLayer, HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import { beforeAfterSection } from '../../shared/conversions/before-after-section';
import { judgedTexts } from '../../shared/conversions/texts';
import { counted, percent, threeDigits } from '../../shared/words';
import type { AmpResult } from './result';

type Partly = Partial<AmpResult>;

export function finding(result: Partly): string {
  const { comparison, curve = [], realised = 0, removed = [] } = result;
  if (!comparison) return 'Scores of heads and MLP units are being measured.';
  const [first] = removed;
  const parts = `${counted(first?.groups.length ?? 0, 'key/value head', 'key/value heads')} and ${counted(first?.units.length ?? 0, 'MLP unit', 'MLP units')} of each layer`;
  const loss = `${threeDigits(comparison.before.loss)} to ${threeDigits(comparison.after.loss)} nats/token`;
  const [nearest] = curve
    .filter(({ share }) => share > 0)
    .sort((a, b) => Math.abs(a.share - (result.share ?? 0)) - Math.abs(b.share - (result.share ?? 0)));
  const beside =
    nearest && Math.abs(nearest.share - (result.share ?? 0)) < 1e-9
      ? `; as many drawn at random give ${threeDigits(nearest.randomMean)}, the highest scored ${threeDigits(nearest.reversed)}`
      : '';
  return `Without ${percent(realised)} of the parameters (${parts}) the loss goes from ${loss}${beside}.`;
}

export function sections(result: Partly): readonly Section[] {
  const { comparison, curve, byLayer, others } = result;
  return [
    ...(comparison ? [beforeAfterSection(comparison)] : []),
    ...(result.scores ? [headsSection(result)] : []),
    ...(result.histogram ? [histogramSection(result.histogram)] : []),
    ...(curve && curve.length > 1 ? [curveSection(curve, result)] : []),
    ...(byLayer ? [layerSection(byLayer, result)] : []),
    ...(others && others.length > 0 ? [otherSection(others)] : []),
    notes(result),
  ];
}

function headsSection({
  scores = [],
  shares = [],
  magnitude = [],
  groupScores = [],
  criterion,
  removed = [],
  others = [],
}: Partly): HeadsSection {
  const size = 'mean over tokens of || X W ||_1, X the output of the head, W its rows of the output projection';
  const score: HeadsLayer = {
    name: 'score',
    title: criterion === 'centred' ? 'Score (centred)' : 'Score',
    unit: '',
    definition:
      criterion === 'centred'
        ? `${size}, X less its mean over all tokens; L1 over the channels of the residual stream, mean over texts`
        : `${size}; L1 over the channels of the residual stream, mean over texts`,
    scale: { kind: 'sequential' },
    values: scores,
  };
  const each = (scores[0]?.length ?? 1) / (groupScores[0]?.length ?? 1);
  return {
    kind: 'heads',
    id: 'scores',
    title: 'Scores of heads',
    caption: `The lowest of each layer go first${each > 1 ? `, as whole groups of the ${each} query heads that share a key/value head` : ''}. Marked: heads that are removed.`,
    numbers: [
      score,
      {
        name: 'share',
        title: 'Share of the layer',
        unit: '',
        definition: 'score / sum of the scores of the layer',
        scale: { kind: 'sequential' },
        values: shares,
      },
      ...(criterion === 'centred'
        ? [
            {
              ...score,
              name: 'magnitude',
              title: 'Score (as written)',
              definition: `${size}, mean over texts`,
              values: magnitude,
            },
          ]
        : []),
      ...others.map(({ name, values }, at): HeadsLayer => ({
        name: `other-${at}`,
        title: name,
        unit: at === 0 ? 'nats/token' : 'nats',
        definition:
          at === 0
            ? 'mean loss with the gain of the head at 0, less the loss of the model, on calibration texts'
            : '|d loss / d gain of the head| at gain 1, mean over calibration texts',
        scale: at === 0 ? { kind: 'diverging' } : { kind: 'sequential' },
        values,
      })),
    ],
    marked: removed.flatMap(({ groups }, layer) =>
      groups.flatMap((group) => Array.from({ length: each }, (_, at) => ({ layer, head: group * each + at }))),
    ),
  };
}

const histogramSection = (histogram: AmpResult['histogram']): ChartSection => ({
  kind: 'chart',
  id: 'units',
  title: 'Scores of MLP units',
  caption:
    'All layers: mean over tokens of |z|, z the input of the down projection. The lowest of each layer are removed.',
  x: { title: 'log10 of the score', unit: '', scale: 'linear' },
  y: { title: 'Units', unit: '', scale: 'linear', min: 0 },
  series: [
    { id: 'kept', title: 'Kept', mark: 'bars', points: histogram.map(({ log, kept }) => ({ x: log, y: kept })) },
    {
      id: 'removed',
      title: 'Removed',
      mark: 'bars',
      points: histogram.map(({ log, removed }) => ({ x: log, y: removed })),
    },
  ],
});

function curveSection(curve: AmpResult['curve'], { apart }: Partly): ChartSection {
  return {
    kind: 'chart',
    id: 'curve',
    title: 'Loss over the share removed',
    caption: `On ${judgedTexts(apart)}. Standard: the lowest scores go; reversed: the highest; random: as many drawn at random.`,
    x: { title: 'Parameters removed', unit: '%', scale: 'linear', min: 0 },
    y: { title: 'Loss', unit: 'nats/token', scale: 'linear' },
    interval: 'least and most of the random sets',
    series: [
      {
        id: 'standard',
        title: 'Standard',
        mark: 'line',
        points: curve.map((one) => ({ x: one.percent, y: one.standard })),
      },
      {
        id: 'random',
        title: 'Random',
        mark: 'line',
        points: curve.map((one) => ({
          x: one.percent,
          y: one.randomMean,
          low: one.randomLow,
          high: one.randomHigh,
        })),
      },
      {
        id: 'reversed',
        title: 'Reversed',
        mark: 'line',
        points: curve.map((one) => ({ x: one.percent, y: one.reversed })),
      },
    ],
  };
}

const layerSection = (byLayer: readonly number[], { apart }: Partly): ChartSection => ({
  kind: 'chart',
  id: 'layers',
  title: 'What each layer costs',
  caption: `Loss on ${judgedTexts(apart)} with the removed parts of one layer alone, less the loss of the model. Every layer loses as much.`,
  x: { title: 'Layer', unit: '', scale: 'category', categories: byLayer.map((_, layer) => String(layer)) },
  y: { title: 'Change of the loss', unit: 'nats/token', scale: 'linear' },
  series: [
    {
      id: 'layers',
      title: 'One layer pruned',
      mark: 'bars',
      points: byLayer.map((each, x) => ({ x, y: each })),
    },
  ],
});

const otherSection = (others: AmpResult['others']): TableSection => ({
  kind: 'table',
  id: 'others',
  title: 'How far the score agrees with other measures',
  caption:
    "Spearman's rank correlation over all heads of the model, with 95 % intervals: how far the size of what a head writes can be trusted.",
  columns: [
    { name: 'measure', title: 'Measure', kind: 'text' },
    {
      name: 'rho',
      title: 'Rank correlation',
      kind: 'number',
      unit: '',
      definition: "Spearman's rho over all heads of the model",
    },
    { name: 'low', title: 'Low', kind: 'number', unit: '', definition: 'lower end of its 95 % interval' },
    { name: 'high', title: 'High', kind: 'number', unit: '', definition: 'upper end of its 95 % interval' },
  ],
  rows: others.map(({ name, rho, low, high }) => [name, rho, low, high]),
});

function notes({ realised, share, bound = 0, capped, apart, surgery, removed = [] }: Partly): Section {
  const differs = realised !== undefined && share !== undefined ? Math.abs(realised - share) : 0;
  return {
    kind: 'text',
    id: 'notes',
    title: 'What this does not say',
    paragraphs: [
      'Size is not importance: a head that writes a large constant scores high although a bias could replace it (compare the centred score), and L1 over channels depends on the basis of the residual stream.',
      ...(removed.length > 0
        ? [
            `Every layer loses as many heads and units; early and late layers are not spared. Wanted ${percent(share ?? 0)}, removed ${percent(realised ?? 0)}${capped ? ' (a layer keeps at least one key/value head and one unit)' : differs > bound ? ' (the rounding of the release)' : `, within the ${percent(bound)} that rounding can cost`}. Removed heads shrink the KV cache, removed units do not.`,
          ]
        : []),
      ...(apart === false
        ? ['Scores and losses are of the same text: give a task or documents for losses on held-out text.']
        : []),
      ...(typeof surgery === 'number'
        ? [
            `The checkpoint and the model with gains of 0 differ by at most ${surgery.toExponential(1)} in any logit of the first text that losses are measured on.`,
          ]
        : []),
      'No training follows. The publication recovers by LoRA after pruning.',
    ],
  };
}
