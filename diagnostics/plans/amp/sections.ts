/** What `amp` shows. */
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import { beforeAfterSection } from '../../shared/conversions/before-after-section';
import { judgedTexts } from '../../shared/conversions/texts';
import { counted, percent, threeDigits } from '../../../protocol/wire/number-words';
import type { AmpResult } from './result';
import * as build from '../../../protocol/sections/builders';

type Partly = Partial<AmpResult>;

export function finding(result: Partly): string {
  const { comparison, curve = [], realised = 0, removed = [], scores = [] } = result;
  if (!comparison) return 'Scores of heads and MLP units are being measured.';
  const most = (of: 'groups' | 'units'): number => Math.max(0, ...removed.map(({ [of]: gone }) => gone.length));
  const some = scores.some(({ length }) => length === 0) ? ' of each layer with attention' : '';
  const parts = `${counted(most('groups'), 'key/value head', 'key/value heads')}${some} and ${counted(most('units'), 'MLP unit', 'MLP units')} of each layer`;
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
}: Partly) {
  const size = 'mean over tokens of || X W ||_1, X the output of the head, W its rows of the output projection';
  const score: HeadsLayer = build.scaled(
    build.ranges.sequential,
    'score',
    criterion === 'centred' ? 'Score (centred)' : 'Score',
    criterion === 'centred'
      ? `${size}, X less its mean over all tokens; L1 over the channels of the residual stream, mean over texts`
      : `${size}; L1 over the channels of the residual stream, mean over texts`,
    scores,
  );
  const attends = Math.max(
    0,
    scores.findIndex(({ length }) => length > 0),
  );
  const each = (scores[attends]?.length ?? 1) / (groupScores[attends]?.length ?? 1);
  return build.heads(
    'scores',
    'Scores of heads',
    `The lowest of each layer go first${each > 1 ? `, as whole groups of the ${each} query heads that share a key/value head` : ''}. Marked: heads that are removed.`,
    [
      score,
      build.scaled(
        build.ranges.sequential,
        'share',
        'Share of the layer',
        'score / sum of the scores of the layer',
        shares,
      ),
      criterion === 'centred' && {
        ...score,
        name: 'magnitude',
        title: 'Score (as written)',
        definition: `${size}, mean over texts`,
        values: magnitude,
      },
      ...others.map(({ name, values }, at): HeadsLayer =>
        build.scaled(
          at === 0 ? build.ranges.diverging : build.ranges.sequential,
          `other-${at}`,
          name,
          at === 0
            ? 'mean loss with the gain of the head at 0, less the loss of the model, on calibration texts'
            : '|d loss / d gain of the head| at gain 1, mean over calibration texts',
          values,
          at === 0 ? 'nats/token' : 'nats',
        ),
      ),
    ],
    {
      marked: removed.flatMap(({ groups }, layer) =>
        groups.flatMap((group) => Array.from({ length: each }, (_, at) => ({ layer, head: group * each + at }))),
      ),
    },
  );
}

const histogramSection = (histogram: AmpResult['histogram']) =>
  build.chart(
    'units',
    'Scores of MLP units',
    'All layers: mean over tokens of |z|, z the input of the down projection. The lowest of each layer are removed.',
    build.axis('log10 of the score'),
    build.axis('Units', '', { min: 0 }),
    [
      build.bars(
        'kept',
        'Kept',
        histogram.map(({ log, kept }) => ({ x: log, y: kept })),
      ),
      build.bars(
        'removed',
        'Removed',
        histogram.map(({ log, removed }) => ({ x: log, y: removed })),
      ),
    ],
  );

function curveSection(curve: AmpResult['curve'], { apart }: Partly) {
  return build.chart(
    'curve',
    'Loss over the share removed',
    `On ${judgedTexts(apart)}. Standard: the lowest scores go; reversed: the highest; random: as many drawn at random.`,
    build.axis('Parameters removed', '%', { min: 0 }),
    build.axis('Loss', 'nats/token'),
    [
      build.line(
        'standard',
        'Standard',
        curve.map((one) => ({ x: one.percent, y: one.standard })),
      ),
      build.line(
        'random',
        'Random',
        curve.map((one) => ({
          x: one.percent,
          y: one.randomMean,
          low: one.randomLow,
          high: one.randomHigh,
        })),
      ),
      build.line(
        'reversed',
        'Reversed',
        curve.map((one) => ({ x: one.percent, y: one.reversed })),
      ),
    ],
    { interval: 'least and most of the random sets' },
  );
}

const layerSection = (byLayer: readonly number[], { apart }: Partly) =>
  build.chart(
    'layers',
    'What each layer costs',
    `Loss on ${judgedTexts(apart)} with the removed parts of one layer alone, less the loss of the model. Every layer loses as much.`,
    build.categoryAxis(
      'Layer',
      byLayer.map((_, layer) => String(layer)),
    ),
    build.axis('Change of the loss', 'nats/token'),
    [
      build.bars(
        'layers',
        'One layer pruned',
        byLayer.map((each, x) => ({ x, y: each })),
      ),
    ],
  );

const otherSection = (others: AmpResult['others']) =>
  build.table(
    'others',
    'How far the score agrees with other measures',
    "Spearman's rank correlation over all heads of the model, with 95 % intervals: how far the size of what a head writes can be trusted.",
    others,
    [
      build.text('measure', 'Measure', ({ name }) => name),
      build.number('rho', 'Rank correlation', "Spearman's rho over all heads of the model"),
      build.number('low', 'Low', 'lower end of its 95 % interval'),
      build.number('high', 'High', 'upper end of its 95 % interval'),
    ],
  );

function notes({ realised, share, bound = 0, capped, apart, surgery, removed = [] }: Partly): Section {
  const differs = realised !== undefined && share !== undefined ? Math.abs(realised - share) : 0;
  return build.paragraphs('notes', 'What this does not say', [
    'Size is not importance: a head that writes a large constant scores high although a bias could replace it (compare the centred score), and L1 over channels depends on the basis of the residual stream.',
    ...(removed.length > 0
      ? [
          `Every layer loses as many heads and units; early and late layers are not spared. Wanted ${percent(share ?? 0)}, removed ${percent(realised ?? 0)}${capped ? ' (a layer keeps at least one key/value head and one unit)' : differs > bound ? ' (the rounding of the release)' : `, within the ${percent(bound)} that rounding can cost`}. Removed heads shrink the KV cache, removed units do not.`,
        ]
      : []),
    ...(apart === false
      ? ['Scores and losses are measured on the same text. Give a task or documents to measure losses on other texts.']
      : []),
    ...(typeof surgery === 'number'
      ? [
          `The checkpoint and the model with gains of 0 differ by at most ${surgery.toExponential(1)} in any logit of the first text that losses are measured on.`,
        ]
      : []),
    'No training follows. The publication recovers by LoRA after pruning.',
  ]);
}
