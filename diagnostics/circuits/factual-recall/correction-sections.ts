/** What the last layer does to the answer, and what taking that out changes. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { Section } from '../../../protocol/sections/section';
import type { SectionColumn, TableSection } from '../../../protocol/sections/table';
import { intervalWords } from '../../shared/effects/level-section';
import { cellOf } from '../../../protocol/sections/cell';
import type { Corrected } from './correction';
import type { Neutral } from './neutral-text';
import type { RecallResult } from './result';
import * as build from '../../../protocol/sections/builders';

export const correctionSections = (result: Partial<RecallResult>): readonly Section[] => [
  ...directSection(result),
  ...lastHeads(result),
  ...correctedSections(result),
];

function directSection({ suppression, frequentBy }: Partial<RecallResult>): readonly ChartSection[] {
  if (!suppression) return [];
  const { layers, lowered } = suppression;
  const names = layers.flatMap((_, layer) => [`L${layer} attn`, `L${layer} MLP`]);
  const frequent =
    frequentBy === 'text'
      ? 'tokens of the neutral text, by how often they stand there'
      : 'tokens spread evenly over the vocabulary';
  return [
    build.chart(
      'direct',
      'What each layer does directly to the answer',
      `Direct effect on the logit of the right answer, final norm frozen, on the mean logit of ${frequent}, and on the answer less the other answers of the task (what raises all alike is not in it). The last layer as a whole lowers the answer in ${Math.round(100 * lowered.value)} % of ${lowered.n} prompts (95 % interval ${Math.round(100 * lowered.low)} to ${Math.round(100 * lowered.high)} %).`,
      build.categoryAxis('part', names),
      build.axis('direct effect', 'logits'),
      [
        build.bars(
          'answer',
          'Right answer',
          layers.flatMap(({ attention, mlp }, layer) =>
            [attention, mlp].map(({ mean, low, high }, at) => ({ x: 2 * layer + at, y: mean, low, high })),
          ),
        ),
        build.points(
          'frequent',
          'Frequent tokens',
          layers.flatMap(({ attentionFrequent, mlpFrequent }, layer) =>
            [attentionFrequent, mlpFrequent].map((y, at) => ({ x: 2 * layer + at, y })),
          ),
        ),
        build.points(
          'margin',
          'Answer less the other answers',
          layers.flatMap(({ attentionMargin, mlpMargin }, layer) =>
            [attentionMargin, mlpMargin].map((y, at) => ({ x: 2 * layer + at, y })),
          ),
        ),
      ],
      { interval: intervalWords },
    ),
  ];
}

function lastHeads({ suppression, suppressing = [] }: Partial<RecallResult>): readonly TableSection[] {
  if (!suppression) return [];
  const layer = suppression.layers.length - 1;
  return [
    build.table(
      'last-heads',
      'Heads of the last layer',
      'Those below 0 are what the correction scales down.',
      suppression.heads,
      [
        build.head((_, head) => ({ layer, head })),
        build.number(
          'effect',
          'Direct effect on the answer',
          'Mean over the prompts of the fit; final norm frozen.',
          'logits',
          (value) => value,
        ),
        build.text('scaled', 'Scaled down', (_, head) => (suppressing.some((one) => one.head === head) ? 'yes' : 'no')),
      ],
    ),
  ];
}

const column = (name: string, title: string, definition: string, unit = ''): SectionColumn =>
  build.number(name, title, definition, unit);

function correctedSections({ corrected, neutral, held }: Partial<RecallResult>): readonly Section[] {
  if (!corrected) return [];
  const strengths = corrected.slice(0, corrected.findIndex(({ name }) => name === 'both') + 1);
  const gains = strengths.map((one) => `${one.gain} / ${one.share}`);
  const chart: ChartSection = build.chart(
    'correction',
    'Correction: suppression taken out step by step',
    `On ${held ?? 0} held-out prompts. Along the axis: gain of the heads of the last layer that lower the answer / share taken out of the last MLP.`,
    build.categoryAxis('gain / share', gains),
    build.shareAxis('share'),
    [
      build.line(
        'probability',
        'Probability of the answer',
        strengths.map(({ probability: { mean, low, high } }, x) => ({ x, y: mean, low, high })),
      ),
      build.line(
        'accuracy',
        'Accuracy',
        strengths.map(({ accuracy: { value, low, high } }, x) => ({ x, y: value, low, high })),
      ),
      neutral &&
        build.line(
          'neutral',
          'Accuracy on neutral text',
          strengths.map((_, x) => ({
            x,
            y: neutral[x]?.accuracy ?? Number.NaN,
            low: neutral[x]?.accuracyLow ?? Number.NaN,
            high: neutral[x]?.accuracyHigh ?? Number.NaN,
          })),
        ),
    ],
    { interval: "95 % interval over prompts (Student's t; Wilson's of a share)" },
  );
  return [chart, beforeAfter(corrected), ...(neutral ? [neutralSection(corrected, neutral)] : [])];
}

function beforeAfter(corrected: readonly Corrected[]) {
  return build.table('corrected', 'Correction: before and after, on held-out prompts', '', corrected, [
    build.text('setting', 'Setting', ({ name }) => name),
    {
      ...column('gain', 'Gain of the heads', 'Factor on the heads of the last layer that lower the answer.'),
      cell: ({ gain }) => gain,
    },
    {
      ...column('share', 'Share out of the MLP', 'Share removed of what the last MLP does against the leading token.'),
      cell: ({ share }) => share,
    },
    {
      ...column('probability', 'Probability', 'Probability of the right answer, mean over prompts.'),
      cell: ({ probability }) => probability.mean,
    },
    {
      ...column('change', 'Change', 'Change of that probability from the unchanged model, prompt by prompt.'),
      cell: ({ change }) => change.mean,
    },
    { ...column('low', 'From', `Lower end of the ${intervalWords} of the change.`), cell: ({ change }) => change.low },
    { ...column('high', 'To', `Upper end of the ${intervalWords} of the change.`), cell: ({ change }) => change.high },
    {
      ...column('accuracy', 'Accuracy', 'Share of prompts whose right answer is first among all tokens.'),
      cell: ({ accuracy }) => accuracy.value,
    },
    {
      ...column(
        'among',
        'Among the answers',
        'Share of prompts whose right answer is first among the answers of the task.',
      ),
      cell: ({ amongAnswers }) => amongAnswers.value,
    },
  ]);
}

function neutralSection(corrected: readonly Corrected[], neutral: readonly Neutral[]) {
  return build.cellTable(
    'neutral',
    'Correction: harm on neutral text',
    `${neutral[0]?.tokens ?? 0} tokens. A correction that only sharpens everything raises the confidence here as well, and with it the calibration error.`,
    [
      build.text('setting', 'Setting'),
      column('loss', 'Loss', '-ln of the probability of the next token, mean over the tokens.', 'nats'),
      column('change', 'Change', 'Against the unchanged model.', 'nats'),
      column('low', 'From', "Lower end of its 95 % interval over windows of text (Student's t).", 'nats'),
      column('high', 'To', "Upper end of its 95 % interval over windows of text (Student's t).", 'nats'),
      column('accuracy', 'Accuracy', 'Share of tokens that are the most probable one.'),
      column('confidence', 'Confidence', 'Mean probability of the most probable token.'),
      column(
        'calibration',
        'Calibration error',
        'Expected calibration error: over ten bins of confidence, |accuracy - confidence| weighted by tokens.',
      ),
    ],
    corrected.map(({ name }, at) => {
      const own = neutral[at];
      return [
        name,
        cellOf(own?.loss),
        cellOf(own?.change),
        cellOf(own?.changeLow),
        cellOf(own?.changeHigh),
        cellOf(own?.accuracy),
        cellOf(own?.confidence),
        cellOf(own?.calibration),
      ];
    }),
  );
}
