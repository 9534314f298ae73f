/** What `moh` shows. */
import type { Section } from '../../../protocol/sections/section';
import { beforeAfterSection } from '../../shared/conversions/before-after-section';
import { judgedTexts } from '../../shared/conversions/texts';
import { threeDigits } from '../../../protocol/wire/number-words';
import type { MohResult } from './result';
import { tuningSections } from './tuning-sections';
import * as build from '../../../protocol/sections/builders';

type Partly = Partial<MohResult>;

export function finding({ comparison, active, curve = [], tuning }: Partly): string {
  if (!comparison || active === undefined) return 'Heads are being ranked and routed.';
  const { before, after } = comparison;
  const point = curve.find((one) => Math.abs(one.active - 100 * active) < 1e-9);
  const beside = point
    ? `; the same number of heads for every token${tuning ? ', not tuned,' : ''} gives ${threeDigits(point.fixedLoss)}`
    : '';
  const trained = tuning ? ` and ${tuning.steps} steps of tuning` : '';
  return `With ${Number((100 * active).toFixed(1))} % of the heads at each token${trained} the loss goes from ${threeDigits(before.loss)} to ${threeDigits(after.loss)} nats/token${beside}.`;
}

export function sections(result: Partly): readonly Section[] {
  const { comparison, curve, layers, loads, importance, tuning } = result;
  const busiest = layers && loads ? mostUneven(result) : undefined;
  return [
    ...(comparison ? [beforeAfter(comparison, tuning ?? null)] : []),
    ...(tuning ? tuningSections(tuning) : []),
    ...(curve && curve.length > 1 ? [lossSection(curve, result), klSection(curve, result)] : []),
    ...(layers && loads && importance ? [loadSection({ layers, loads, importance })] : []),
    ...(busiest === undefined ? [] : [layerBars(result, busiest, 'bars', 'the layer whose loads are most uneven')]),
    ...(layers ? [balanceSection(layers)] : []),
    notes(result),
  ];
}

function beforeAfter(comparison: MohResult['comparison'], tuning: MohResult['tuning']) {
  const table = beforeAfterSection(comparison);
  if (!tuning || comparison.written) return table;
  const caption =
    'After: routed and tuned, without a checkpoint, which a folder would get. Sizes are those of that checkpoint.';
  const columns = table.columns.map((column) =>
    column.name === 'after' ? { ...column, title: 'After (tuned)' } : column,
  );
  return { ...table, caption, columns };
}

/** The layer with the largest balance loss against its even one. */
function mostUneven({ layers = [] }: Partly): number | undefined {
  const excess = layers.map(({ balance, even }) => balance / even);
  const known = excess.map((value, layer) => ({ value, layer })).filter(({ value }) => Number.isFinite(value));
  return known.sort((a, b) => b.value - a.value)[0]?.layer;
}

const x = build.axis('Active heads', '%', { max: 100 });

const lossSection = (curve: MohResult['curve'], { apart }: Partly) =>
  build.chart(
    'loss',
    'Loss over active heads',
    `On ${judgedTexts(apart)}. Routed: each token has the heads with its longest queries; fixed: every token has the most important heads.`,
    x,
    build.axis('Loss', 'nats/token'),
    [
      build.line(
        'routed',
        'Routed',
        curve.map((one) => ({ x: one.active, y: one.loss })),
      ),
      build.line(
        'fixed',
        'Fixed',
        curve.map((one) => ({ x: one.active, y: one.fixedLoss })),
      ),
    ],
  );

const klSection = (curve: MohResult['curve'], { apart }: Partly) =>
  build.chart(
    'kl',
    'Change of predictions over active heads',
    `Mean KL divergence from the model to the changed model, over the first 64 tokens ${apart === false ? `of ${judgedTexts(apart)}` : 'of at most 4 held-out texts'}.`,
    x,
    build.axis('KL', 'nats', { min: 0 }),
    [
      build.line(
        'routed',
        'Routed',
        curve.map((one) => ({ x: one.active, y: one.kl })),
      ),
      build.line(
        'fixed',
        'Fixed',
        curve.map((one) => ({ x: one.active, y: one.fixedKl })),
      ),
    ],
  );

const loadSection = ({ layers, loads, importance }: Pick<MohResult, 'layers' | 'loads' | 'importance'>) =>
  build.heads(
    'loads',
    'Loads of heads',
    'Share of the calibration tokens that have the head. Marked: shared heads, which every token has.',
    [
      build.scaled({ kind: 'sequential', max: 1 }, 'load', 'Load', 'tokens that have the head / tokens', loads),
      build.scaled(
        build.ranges.sequential,
        'importance',
        'Importance',
        '|d loss / d gain of the head| at gain 1, mean over calibration texts',
        importance,
        'nats',
      ),
    ],
    {
      ask: 'Show the loads of the layer',
      marked: layers.flatMap(({ shared }, layer) => shared.map((head) => ({ layer, head }))),
    },
  );

export function layerBars({ layers = [], loads = [] }: Partly, layer: number, id: string, which = '') {
  const own = loads[layer] ?? [];
  const { active = 0, even = Number.NaN } = layers[layer] ?? {};
  return build.chart(
    id,
    `Loads of layer ${layer}`,
    `${which === '' ? '' : `${which[0]?.toUpperCase()}${which.slice(1)}. `}Each token has the shared heads, at load 1, and ${active} of the others.`,
    build.categoryAxis(
      'Head',
      own.map((_, head) => `H${head}`),
    ),
    build.shareAxis('Load'),
    [
      build.bars(
        'load',
        'Load',
        own.map((y, head) => ({ x: head, y })),
      ),
    ],
    {
      references: Number.isNaN(even)
        ? undefined
        : [{ label: 'even', from: [-0.5, even], to: [own.length - 0.5, even] }],
    },
  );
}

const balanceSection = (layers: MohResult['layers']) =>
  build.table('balance', 'Balance of each layer', '', layers, [
    build.text('layer', 'Layer', (_, layer) => `Layer ${layer}`),
    build.text('shared', 'Shared heads', ({ shared }) => (shared.length === 0 ? 'none' : shared.join(', '))),
    build.number('active', 'Chosen', 'heads that a token has besides the shared ones'),
    build.number(
      'balance',
      'Balance loss',
      'sum over the other heads of load x mean probability; probabilities: softmax of query lengths / their standard deviation',
    ),
    build.number('even', 'If even', 'chosen heads / other heads: the balance loss of equal probabilities'),
    build.number('entropy', 'Entropy', 'mean over tokens of the entropy of the probabilities', 'nats'),
  ]);

const notes = ({ apart, difference, tuning, importance = [] }: Partly): Section =>
  build.paragraphs('notes', 'What this does not say', [
    'Routing picks the heads of a query; keys and values of all heads are still computed and cached, so the KV cache stays as large. The dense graph computes every head and multiplies by 0: nothing is saved in time here. Ideally score and value products shrink by the share of active heads.',
    tuning
      ? 'Loads, balance of each layer and the curves over active heads are those of the model before the tuning, and so is the intervention that is offered.'
      : 'Nothing is trained here. The publication tunes the model, which recovers most of what the routing costs. To do the same, set tuning steps.',
    ...(importance.some(({ length }) => length === 0)
      ? ['Layers without attention have no queries to choose by, and stay as they are.']
      : []),
    ...(apart === false
      ? [
          'Importance and losses are measured on the same text. Give a task or documents to measure losses on other texts.',
        ]
      : []),
    ...(typeof difference === 'number'
      ? [
          `The checkpoint and the intervention differ by at most ${difference.toExponential(1)} in any logit of the first text that losses are measured on.`,
        ]
      : []),
  ]);
