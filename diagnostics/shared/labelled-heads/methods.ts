/** What was done to the model beside what could be had without touching attention, on the same held-out prompts. */
import type { Output } from '../../../protocol/schema/check';
import { object, figure, text } from '../../../protocol/schema/fields';
import type { SectionCell, SectionColumn } from '../../../protocol/sections/table';
import { cellOf } from '../../../protocol/sections/cell';
import { fittedTemperature, isAtBound, labelBias, withLabelBias, withTemperature } from './controls';
import { labelLogProbability, scoreOf, type Answered, type Question } from './questions';
import { threeDigits } from '../../../protocol/wire/number-words';
import { mean } from '../../../kernels/tensors/vectors';
import * as build from '../../../protocol/sections/builders';

export const methodFields = {
  name: text,
  accuracy: figure,
  /** ln of the probability of the right answers among the labels, in nats. */
  labelLogProbability: figure,
  logProbability: figure,
  entropy: figure,
};
export const method = object(methodFields);
type Method = Output<typeof method>;

export interface Compared {
  readonly name: string;
  readonly answers: readonly Answered[];
  /** The labels alone were changed: nothing is known of the rest of the vocabulary. */
  readonly ofLabels?: true;
}

export function methodOf({ name, answers, ofLabels }: Compared): Method {
  const { accuracy, logProbability, entropy } = scoreOf(answers);
  return {
    name,
    accuracy,
    labelLogProbability: mean(answers.map(({ logits, right }) => labelLogProbability(logits, right))),
    logProbability: ofLabels ? Number.NaN : logProbability,
    entropy: ofLabels ? Number.NaN : entropy,
  };
}

/** A temperature and a bias for each label, fitted to the calibration prompts; those that the labels allow. */
export function fittedControls(
  fitted: { readonly questions: readonly Question[]; readonly answers: readonly Answered[] },
  held: { readonly questions: readonly Question[]; readonly answers: readonly Answered[] },
): { readonly temperature: number; readonly controls: readonly Compared[] } {
  const temperature = fittedTemperature(fitted.answers);
  const bias = labelBias(fitted.questions, fitted.answers);
  const biased = bias
    ? held.answers.flatMap((one, at) => {
        const question = held.questions[at];
        return (question && withLabelBias(one, question, bias)) ?? [];
      })
    : [];
  return {
    temperature,
    controls: [
      ...(Number.isNaN(temperature)
        ? []
        : [
            {
              name: 'control: temperature',
              answers: held.answers.map((one) => withTemperature(one, temperature)),
              ofLabels: true,
            } as const,
          ]),
      ...(bias && biased.length === held.answers.length
        ? [{ name: 'control: label bias', answers: biased, ofLabels: true } as const]
        : []),
    ],
  };
}

/** In the order of the table. */
const columns = {
  method: build.text('method', 'Method'),
  accuracy: build.number(
    'accuracy',
    'Accuracy',
    'Share of the prompts whose right answer leads among the labels, or in the vocabulary where there are none.',
  ),
  labels: build.number(
    'labels',
    'ln p among the labels',
    'Mean ln of the probability of the right answer, the labels alone counted.',
    'nats',
  ),
  probability: build.number(
    'probability',
    'ln p',
    'Mean ln of the probability of the right answer in the vocabulary.',
    'nats',
  ),
  entropy: build.number('entropy', 'Entropy', 'Mean entropy of the next-token distribution.', 'nats'),
} as const satisfies Readonly<Record<string, SectionColumn>>;

type ColumnName = keyof typeof columns;

const cells: Readonly<Record<ColumnName, (method: Method) => SectionCell>> = {
  method: ({ name }) => name,
  accuracy: ({ accuracy }) => cellOf(accuracy),
  labels: ({ labelLogProbability: labels }) => cellOf(labels),
  probability: ({ logProbability }) => cellOf(logProbability),
  entropy: ({ entropy }) => cellOf(entropy),
};

const allColumns = Object.keys(columns) as readonly ColumnName[];

export const methodColumns = (names: readonly ColumnName[] = allColumns): readonly SectionColumn[] =>
  names.map((name) => columns[name]);

export const methodCells = (method: Method, names: readonly ColumnName[] = allColumns): readonly SectionCell[] =>
  names.map((name) => cells[name](method));

/** What the two controls are; `temperature` NaN or absent where none was fitted. */
export function controlWords(prompts: number, temperature: number | undefined): string {
  const bound = temperature !== undefined && isAtBound(temperature) ? ', the end of its range' : '';
  const fitted =
    temperature === undefined || Number.isNaN(temperature)
      ? ''
      : ` The temperature is ${threeDigits(temperature)}${bound}.`;
  return `${prompts} prompts that chose nothing. A temperature changes no answer, so it is the measure of what confidence alone gives; a label bias is what calibration gives without touching attention.${fitted}`;
}
