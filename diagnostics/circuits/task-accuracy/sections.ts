/** Sections of the analysis `task-accuracy`. */
import type { TaskMetric } from '../../../protocol/analysis/tasks';
import type { Section } from '../../../protocol/sections/section';
import type { SectionColumn, TableSection } from '../../../protocol/sections/table';
import { metricWords } from '../../shared/effects/metric';
import type { Mean, Share, TaskAccuracyResult } from './result';

/** Prompts that are listed; the saved result has all. */
const listed = 1000;
/** Right answers that are named: greater-than has up to 98. */
const answersListed = 4;

/** Of a long prompt a cell shows the end, where the question is. */
const [shownStart, shownEnd] = [0, 48];

/** Without its middle where it is longer than both parts. */
export const shortened = (text: string, start: number, end: number): string =>
  text.length <= start + end ? text : `${text.slice(0, start)} … ${text.slice(-end)}`.trimStart();

const number = (name: string, title: string, unit: string, definition: string, digits?: number): SectionColumn => ({
  name,
  title,
  kind: 'number',
  unit,
  definition,
  ...(digits === undefined ? {} : { digits }),
});

export const shareColumns: readonly SectionColumn[] = [
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

export const shareCells = ({ value, low, high, correct, n }: Share): readonly number[] => [
  value,
  low,
  high,
  correct,
  n,
];

export function promptSections(result: Partial<TaskAccuracyResult>): readonly Section[] {
  const { accuracy, mean, metric } = result;
  if (!accuracy || !mean || metric === undefined || accuracy.n === 0) return [];
  return [totals(accuracy, mean, metric), ...byFact(result), promptTable(result, metric), ...noteSection(result)];
}

function totals(accuracy: Share, mean: Mean, metric: TaskMetric): TableSection {
  const { name: title, unit, definition } = metricWords[metric];
  return {
    kind: 'table',
    id: 'accuracy',
    title: 'Accuracy',
    caption: 'Intervals are those of prompts drawn from this generator, with these words.',
    columns: [
      ...shareColumns,
      number('mean', `mean ${title}`, unit, `mean over prompts: ${definition}`),
      number('mean-low', 'low', unit, "lower end of the 95 % interval of Student's t"),
      number('mean-high', 'high', unit, "upper end of the 95 % interval of Student's t"),
    ],
    rows: [[...shareCells(accuracy), mean.mean, mean.low, mean.high]],
  };
}

function byFact({ byFact: facts = [] }: Partial<TaskAccuracyResult>): readonly TableSection[] {
  if (facts.length === 0) return [];
  return [
    {
      kind: 'table',
      id: 'by-fact',
      title: 'Accuracy by what was drawn',
      columns: [
        { name: 'fact', title: 'fact', kind: 'text' },
        { name: 'value', title: 'value', kind: 'text' },
        ...shareColumns,
      ],
      rows: facts.map(({ fact, value, share }) => [fact, value, ...shareCells(share)]),
    },
  ];
}

function promptTable({ prompts = [] }: Partial<TaskAccuracyResult>, metric: TaskMetric): TableSection {
  const { name: title, unit, definition } = metricWords[metric];
  return {
    kind: 'table',
    id: 'prompts',
    title: 'Prompts',
    ...(prompts.length > listed ? { caption: `The first ${listed} of ${prompts.length}.` } : {}),
    ask: 'Show its tokens',
    columns: [
      { name: 'right', title: 'right', kind: 'text' },
      { name: 'top', title: 'model says', kind: 'text', definition: 'the token with the largest logit' },
      { name: 'correct', title: 'correct', kind: 'text' },
      number('value', title, unit, definition),
      { name: 'prompt', title: 'prompt', kind: 'text' },
      { name: 'counterpart', title: 'counterpart', kind: 'text', definition: 'as many tokens, one thing changed' },
    ],
    rows: prompts
      .slice(0, listed)
      .map(({ prompt, right, top, correct, value, counterpart }) => [
        answerWords(right),
        top.trim(),
        correct ? 'yes' : 'no',
        value,
        shortened(prompt, shownStart, shownEnd),
        shortened(counterpart ?? '', shownStart, shownEnd),
      ]),
  };
}

export function answerWords(right: readonly string[]): string {
  const named = right.slice(0, answersListed).map((answer) => answer.trim());
  return named.join(', ') + (right.length > answersListed ? ', …' : '');
}

const noteSection = ({ notes = [] }: Partial<TaskAccuracyResult>): readonly Section[] =>
  notes.length === 0 ? [] : [{ kind: 'text', id: 'notes', title: 'What was left out', paragraphs: [...notes] }];
