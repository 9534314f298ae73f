/** What the last layer does to the answer, and what taking that out changes. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { Section } from '../../../protocol/sections/section';
import type { SectionColumn, TableSection } from '../../../protocol/sections/table';
import { intervalWords } from '../../shared/effects/level-section';
import { cellOf } from '../../shared/sections/cell';
import type { Corrected } from './correction';
import type { Neutral } from './neutral-text';
import type { RecallResult } from './result';

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
    {
      kind: 'chart',
      id: 'direct',
      title: 'What each layer does directly to the answer',
      caption: `Direct effect on the logit of the right answer, final norm frozen, on the mean logit of ${frequent}, and on the answer less the other answers of the task (what raises all alike is not in it). The last layer as a whole lowers the answer in ${Math.round(100 * lowered.value)} % of ${lowered.n} prompts (95 % interval ${Math.round(100 * lowered.low)} to ${Math.round(100 * lowered.high)} %).`,
      x: { title: 'part', unit: '', scale: 'category', categories: names },
      y: { title: 'direct effect', unit: 'logits', scale: 'linear' },
      series: [
        {
          id: 'answer',
          title: 'Right answer',
          mark: 'bars',
          points: layers.flatMap(({ attention, mlp }, layer) =>
            [attention, mlp].map(({ mean, low, high }, at) => ({ x: 2 * layer + at, y: mean, low, high })),
          ),
        },
        {
          id: 'frequent',
          title: 'Frequent tokens',
          mark: 'points',
          points: layers.flatMap(({ attentionFrequent, mlpFrequent }, layer) =>
            [attentionFrequent, mlpFrequent].map((y, at) => ({ x: 2 * layer + at, y })),
          ),
        },
        {
          id: 'margin',
          title: 'Answer less the other answers',
          mark: 'points',
          points: layers.flatMap(({ attentionMargin, mlpMargin }, layer) =>
            [attentionMargin, mlpMargin].map((y, at) => ({ x: 2 * layer + at, y })),
          ),
        },
      ],
      interval: intervalWords,
    },
  ];
}

function lastHeads({ suppression, suppressing = [] }: Partial<RecallResult>): readonly TableSection[] {
  if (!suppression) return [];
  const layer = suppression.layers.length - 1;
  return [
    {
      kind: 'table',
      id: 'last-heads',
      title: 'Heads of the last layer',
      caption: 'Those below 0 are what the correction scales down.',
      columns: [
        { name: 'head', title: 'Head', kind: 'head' },
        {
          name: 'effect',
          title: 'Direct effect on the answer',
          kind: 'number',
          unit: 'logits',
          definition: 'Mean over the prompts of the fit; final norm frozen.',
        },
        { name: 'scaled', title: 'Scaled down', kind: 'text' },
      ],
      rows: suppression.heads.map((value, head) => [
        { layer, head },
        cellOf(value),
        suppressing.some((one) => one.head === head) ? 'yes' : 'no',
      ]),
    },
  ];
}

const column = (name: string, title: string, definition: string, unit = ''): SectionColumn => ({
  name,
  title,
  kind: 'number',
  unit,
  definition,
});

function correctedSections({ corrected, neutral, held }: Partial<RecallResult>): readonly Section[] {
  if (!corrected) return [];
  const strengths = corrected.slice(0, corrected.findIndex(({ name }) => name === 'both') + 1);
  const gains = strengths.map((one) => `${one.gain} / ${one.share}`);
  const chart: ChartSection = {
    kind: 'chart',
    id: 'correction',
    title: 'Correction: suppression taken out step by step',
    caption: `On ${held ?? 0} held-out prompts. Along the axis: gain of the heads of the last layer that lower the answer / share taken out of the last MLP.`,
    x: { title: 'gain / share', unit: '', scale: 'category', categories: gains },
    y: { title: 'share', unit: '', scale: 'linear', min: 0, max: 1 },
    series: [
      {
        id: 'probability',
        title: 'Probability of the answer',
        mark: 'line',
        points: strengths.map(({ probability: { mean, low, high } }, x) => ({ x, y: mean, low, high })),
      },
      {
        id: 'accuracy',
        title: 'Accuracy',
        mark: 'line',
        points: strengths.map(({ accuracy: { value, low, high } }, x) => ({ x, y: value, low, high })),
      },
      ...(neutral
        ? [
            {
              id: 'neutral',
              title: 'Accuracy on neutral text',
              mark: 'line' as const,
              points: strengths.map((_, x) => ({
                x,
                y: neutral[x]?.accuracy ?? Number.NaN,
                low: neutral[x]?.accuracyLow ?? Number.NaN,
                high: neutral[x]?.accuracyHigh ?? Number.NaN,
              })),
            },
          ]
        : []),
    ],
    interval: "95 % interval over prompts (Student's t; Wilson's of a share)",
  };
  return [chart, beforeAfter(corrected), ...(neutral ? [neutralSection(corrected, neutral)] : [])];
}

function beforeAfter(corrected: readonly Corrected[]): TableSection {
  return {
    kind: 'table',
    id: 'corrected',
    title: 'Correction: before and after, on held-out prompts',
    columns: [
      { name: 'setting', title: 'Setting', kind: 'text' },
      column('gain', 'Gain of the heads', 'Of the heads of the last layer that lower the answer.'),
      column('share', 'Share out of the MLP', 'Of what the last MLP does against the leading token.'),
      column('probability', 'Probability', 'Of the right answer, mean over prompts.'),
      column('change', 'Change', 'Of that probability against the unchanged model, prompt by prompt.'),
      column('low', 'From', `Lower end of the ${intervalWords} of the change.`),
      column('high', 'To', `Upper end of the ${intervalWords} of the change.`),
      column('accuracy', 'Accuracy', 'Share of prompts whose right answer is first among all tokens.'),
      column(
        'among',
        'Among the answers',
        'Share of prompts whose right answer is first among the answers of the task.',
      ),
    ],
    rows: corrected.map(({ name, gain, share, probability, change, accuracy, amongAnswers }) => [
      name,
      gain,
      share,
      cellOf(probability.mean),
      cellOf(change.mean),
      cellOf(change.low),
      cellOf(change.high),
      cellOf(accuracy.value),
      cellOf(amongAnswers.value),
    ]),
  };
}

function neutralSection(corrected: readonly Corrected[], neutral: readonly Neutral[]): TableSection {
  return {
    kind: 'table',
    id: 'neutral',
    title: 'Correction: harm on neutral text',
    caption: `${neutral[0]?.tokens ?? 0} tokens. A correction that only sharpens everything raises the confidence here as well, and with it the calibration error.`,
    columns: [
      { name: 'setting', title: 'Setting', kind: 'text' },
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
    rows: corrected.map(({ name }, at) => {
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
  };
}
