/** What `moh` shows of a tuning. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { Section } from '../../../protocol/sections/section';
import { cellOf } from '../../../protocol/sections/cell';
import { curveChart } from '../../shared/training/curves';
import type { Tuning, TuningArm, TuningMeasures } from './result';
import * as build from '../../../protocol/sections/builders';

export const tuningSections = (tuning: Tuning): readonly Section[] => [
  measuresTable(tuning),
  armsChart(tuning, 'kl', 'Change of predictions', build.axis('KL(model || routed)', 'nats/token')),
  // Where no layer leaves a choice there is none.
  ...(Number.isFinite(tuning.before.ratio)
    ? [
        armsChart(tuning, 'ratio', 'Largest load / smallest load', build.logAxis('ratio', 'log10')),
        armsChart(tuning, 'balance', 'Balance loss', build.axis('balance loss x E')),
      ]
    : []),
];

const titleOf = ({ balance }: TuningArm): string =>
  balance === 0 ? 'without balance loss' : `balance loss x ${balance}`;

/** Title of a line, whose end is marked with the first letters. */
const shortTitle = ({ balance }: TuningArm): string => (balance === 0 ? 'unbalanced' : 'balanced');

function measuresTable({ steps, apart, trained, tested, before, arms }: Tuning) {
  const row = (title: string, { kl, loss, balance, ratio, entropy }: TuningMeasures) => [
    title,
    ...[kl, loss, balance, ratio, entropy].map((value) => cellOf(value)),
  ];
  const texts = apart
    ? `${trained} texts were trained on; measured on ${tested} held-out ones, the loss on all of them`
    : 'There is one text, which the training reads and all is measured on';
  return build.cellTable(
    'tuning',
    `${steps} steps of tuning`,
    `All weights are trained towards the next-token distributions of the model itself. ${texts}. The model after the conversion is that of the second row. Balance, ratio and entropy are means over the layers in which tokens choose.`,
    [
      build.text('model', 'Routed model'),
      build.number('kl', 'KL', 'Mean KL(model || routed) of the next token.', 'nats/token'),
      build.number(
        'loss',
        apart ? 'Held-out loss' : 'Loss on the same text',
        'As in the table before and after.',
        'nats/token',
      ),
      build.number(
        'balance',
        'Balance loss x E',
        'E times the sum over the E heads that are not shared of load x mean probability, as it is trained; as many as are chosen where loads and probabilities are even.',
      ),
      build.number(
        'ratio',
        'Largest / smallest load',
        'Taken over the heads of a layer that are not shared. A head that no token chooses counts as if one token chose it.',
      ),
      build.number('entropy', 'Entropy', 'Mean over tokens of the entropy of the probabilities.', 'nats'),
    ],
    [row('not tuned', before), ...arms.map((arm) => row(`tuned, ${titleOf(arm)}`, arm.after))],
  );
}

/** One measure of both trainings, from before the first step. */
function armsChart(
  { apart, before, arms }: Tuning,
  measure: 'kl' | 'ratio' | 'balance',
  title: string,
  y: ChartSection['y'],
) {
  const points = arms.map((arm, at) => {
    const own = [{ step: 0, value: before[measure] }, ...(arm.curves.measures[measure] ?? [])];
    return [`arm-${at}`, own.filter(({ value }) => Number.isFinite(value))] as const;
  });
  return curveChart(
    { loss: [], measures: Object.fromEntries(points) },
    {
      id: `tuning-${measure}`,
      title: `${title} during the tuning`,
      caption: `${apart ? 'On held-out texts' : 'On the text of the training'}; ${arms.map((arm) => `${shortTitle(arm)}: ${titleOf(arm)}`).join(', ')}.`,
      y,
      measures: Object.fromEntries(arms.map((arm, at) => [`arm-${at}`, shortTitle(arm)])),
    },
  );
}
