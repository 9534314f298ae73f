/** Sections of the analysis `pope`. */
import * as build from '../../sections/builders';
import type { Section } from '../../sections/section';
import type { SectionCell, SectionColumn } from '../../sections/table';
import type { ShareChange } from '../hallucination-schema';
import type { PopeAnswers, PopeFigures, PopeShare } from '../pope';
import { isMoreThanNoise } from '../share-change';
import { notesOf } from './caption-notes';
import { failuresOf } from './unread-pictures';

/** Answers that are listed. */
const listed = 1000;

export function popeSections(result: Partial<PopeAnswers>): readonly Section[] {
  const { splits = [], answers = [], pictures = 0 } = result;
  if (pictures === 0) return failuresOf(result);
  return [
    ratesOf(splits, result.reinforcement?.alpha ?? 1),
    ...(splits.some(({ change }) => change) ? [changesOf(splits)] : []),
    answersOf(answers),
    ...failuresOf(result),
    ...notesOf(result),
  ];
}

const shares = [
  ['accuracy', 'accuracy', 'right answers / answers'],
  ['precision', 'precision', 'right yes / yes'],
  ['recall', 'recall', 'right yes / questions about objects that are there'],
  ['f1', 'F1', 'harmonic mean of precision and recall'],
  ['yesRatio', 'yes', 'yes / answers'],
] as const;

function ratesOf(splits: PopeAnswers['splits'], alpha: number) {
  const cells = (share: PopeShare | null): SectionCell[] =>
    share ? [share.value, share.low, share.high] : [null, null, null];
  const row = (split: string, heads: string, figures: PopeFigures): SectionCell[] => [
    split,
    heads,
    figures.questions,
    ...shares.flatMap(([name]) => cells(figures[name])),
    figures.unclear,
  ];
  return build.cellTable(
    'rates',
    'Answers by split',
    'Yes is the positive class; 95 % intervals over pictures.',
    [
      build.text('split', 'split'),
      build.text('heads', 'heads'),
      build.count('questions', 'questions', 'questions that were answered'),
      ...shares.flatMap(([name, title, definition]): SectionColumn[] => [
        build.number(name, title, definition),
        build.number(`${name}-low`, 'from', 'lower end of the 95 % interval'),
        build.number(`${name}-high`, 'to', 'upper end of it'),
      ]),
      build.count('unclear', 'unclear', 'answers whose first word is neither yes nor no'),
    ],
    splits.flatMap(({ split, plain, reinforced }) => [
      row(split, 'plain', plain),
      ...(reinforced ? [row(split, `heads x ${alpha}`, reinforced)] : []),
    ]),
  );
}

function changesOf(splits: PopeAnswers['splits']) {
  const cells = (change: ShareChange | null): SectionCell[] =>
    change === null
      ? [null, null, null, 'too few changed']
      : [
          change.difference,
          change.low,
          change.high,
          isMoreThanNoise(change) ? 'more than noise' : 'no more than noise',
        ];
  return build.cellTable(
    'changes',
    'Change by reinforcement',
    'On the same questions, with 95 % intervals over pictures.',
    [
      build.text('split', 'split'),
      build.text('measure', 'measure'),
      build.number('difference', 'change', 'share with reinforced heads less the plain one'),
      build.number('low', 'low', 'lower end of the 95 % interval'),
      build.number('high', 'high', 'upper end of the 95 % interval'),
      { ...build.text('verdict', 'interval'), definition: 'more than noise: the interval leaves 0 out' },
    ],
    splits.flatMap(({ split, change }) =>
      change
        ? (['accuracy', 'f1', 'yesRatio'] as const).map((name): SectionCell[] => [
            split,
            shares.find(([each]) => each === name)?.[1] ?? name,
            ...cells(change[name]),
          ])
        : [],
    ),
  );
}

const answersOf = (answers: PopeAnswers['answers']) =>
  build.table('answers', 'Answers', undefined, answers.slice(0, listed), [
    build.text('image', 'picture', ({ image }) => image),
    build.text('question', 'question', ({ question }) => question),
    build.text('label', 'right', ({ label }) => label),
    build.text('plain', 'answer', ({ plain }) => plain.answer.trim()),
    build.text('readAs', 'read as', ({ plain }) => plain.readAs),
    ...(answers.some(({ reinforced }) => reinforced)
      ? [
          build.text<PopeAnswers['answers'][number]>('reinforced', 'reinforced', ({ reinforced }) =>
            reinforced?.answer.trim(),
          ),
          build.text<PopeAnswers['answers'][number]>('reinforcedAs', 'read as', ({ reinforced }) => reinforced?.readAs),
        ]
      : []),
  ]);
