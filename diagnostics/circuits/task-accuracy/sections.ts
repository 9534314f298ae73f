/** Sections of the analysis `task-accuracy`. */
import type { TaskMetric } from '../../../protocol/analysis/tasks';
import type { Section } from '../../../protocol/sections/section';
import type { SectionColumn, TableSection } from '../../../protocol/sections/table';
import { metricWords } from '../../shared/effects/metric';
import type { Share } from '../../shared/accuracy/fact-shares';
import { shortened, type PromptScore, type TaskAccuracyResult } from '../../shared/accuracy/scored-prompts';
import * as build from '../../../protocol/sections/builders';
import type { MeasuredMean } from '../../shared/statistics/proportion';

/** Prompts that are listed; the saved result has all. */
const listed = 1000;
/** Right answers that are named: greater-than has up to 98. */
const answersListed = 4;

/** A cell shows the end of a long prompt, where the question is. */
const [shownStart, shownEnd] = [0, 48];

const number = (name: string, title: string, unit: string, definition: string, digits?: number): SectionColumn => ({
  ...build.number(name, title, definition, unit),
  ...(digits === undefined ? {} : { digits }),
});

const shareColumns: readonly SectionColumn[] = [
  number(
    'accuracy',
    'accuracy',
    '',
    'share of the prompts for which greedy decoding over the whole vocabulary gives a right answer',
  ),
  number('low', 'low', '', "lower end of Wilson's 95 % interval"),
  number('high', 'high', '', "upper end of Wilson's 95 % interval"),
  number('correct', 'correct', '', 'prompts that are answered', 6),
  number('prompts', 'prompts', '', 'prompts that were run', 6),
];

const shareCells = ({ value, low, high, correct, n }: Share): readonly number[] => [value, low, high, correct, n];

export function promptSections(result: Partial<TaskAccuracyResult>): readonly Section[] {
  const { accuracy, mean, metric } = result;
  if (!accuracy || !mean || metric === undefined || accuracy.n === 0) return [];
  return [
    totals(accuracy, mean, metric),
    ...ownTotals(result),
    ...byFact(result),
    promptTable(result, metric),
    ...noteSection(result),
  ];
}

function totals(accuracy: Share, mean: MeasuredMean, metric: TaskMetric) {
  const { name: title, unit, definition } = metricWords[metric];
  return build.cellTable(
    'accuracy',
    'Accuracy',
    'Intervals are those of prompts drawn from this generator, with these words.',
    [
      ...shareColumns,
      number('mean', `mean ${title}`, unit, `mean over prompts: ${definition}`),
      number('mean-low', 'low', unit, "lower end of the 95 % interval of Student's t"),
      number('mean-high', 'high', unit, "upper end of the 95 % interval of Student's t"),
    ],
    [[...shareCells(accuracy), mean.mean, mean.low, mean.high]],
  );
}

function ownTotals({ own }: Partial<TaskAccuracyResult>): readonly TableSection[] {
  if (!own) return [];
  const { title, unit, definition, mean, low, high } = own;
  return [
    build.cellTable(
      'own-score',
      title,
      definition,
      [
        number('own-mean', `mean ${title}`, unit, `mean over prompts: ${definition}`),
        number('own-low', 'low', unit, "lower end of the 95 % interval of Student's t"),
        number('own-high', 'high', unit, "upper end of the 95 % interval of Student's t"),
      ],
      [[mean, low, high]],
    ),
  ];
}

function byFact({ byFact: facts = [] }: Partial<TaskAccuracyResult>): readonly TableSection[] {
  if (facts.length === 0) return [];
  return [
    build.cellTable(
      'by-fact',
      'Accuracy by what was drawn',
      '',
      [build.text('fact', 'fact'), build.text('value', 'value'), ...shareColumns],
      facts.map(({ fact, value, share }) => [fact, value, ...shareCells(share)]),
    ),
  ];
}

function promptTable({ prompts = [], own }: Partial<TaskAccuracyResult>, metric: TaskMetric) {
  const { name: title, unit, definition } = metricWords[metric];
  return build.table(
    'prompts',
    'Prompts',
    prompts.length > listed ? `The first ${listed} of ${prompts.length}.` : undefined,
    prompts.slice(0, listed),
    [
      build.text('right', 'right', ({ right }) => answerWords(right)),
      build.text('top', 'model says', ({ top }) => top.trim(), 'the token with the largest logit'),
      build.text('correct', 'correct', ({ correct }) => (correct ? 'yes' : 'no')),
      { ...number('value', title, unit, definition), cell: ({ value }) => value },
      ...(own
        ? [
            {
              ...number('own', own.title, own.unit, own.definition),
              cell: (one: PromptScore) => one.own ?? Number.NaN,
            },
          ]
        : []),
      build.text('prompt', 'prompt', ({ prompt }) => shortened(prompt, shownStart, shownEnd)),
      build.text(
        'counterpart',
        'counterpart',
        ({ counterpart }) => shortened(counterpart ?? '', shownStart, shownEnd),
        'as many tokens, one thing changed',
      ),
    ],
    { ask: 'Show its tokens' },
  );
}

export function answerWords(right: readonly string[]): string {
  const named = right.slice(0, answersListed).map((answer) => answer.trim());
  return named.join(', ') + (right.length > answersListed ? ', …' : '');
}

const noteSection = ({ notes = [] }: Partial<TaskAccuracyResult>): readonly Section[] =>
  notes.length === 0 ? [] : [build.paragraphs('notes', 'What was left out', [...notes])];
