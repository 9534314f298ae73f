/** What the experiment shows and says. */
import type { Section } from '../../../protocol/sections/section';
import { cellOf } from '../../../protocol/sections/cell';
import { overSeeds, type ArmsResult } from '../../shared/training/arms';
import { armsLoss } from '../../shared/training/arms-sections';
import { armWords, folderSection } from '../../shared/training/arms-steps';
import { units } from './episodes';
import { readers, type Reader } from './network';
import type { ShownEpisode, ToySessionsResult } from './result';
import * as build from '../../../protocol/sections/builders';

export const measureOf = (measure: 'recall' | 'reciprocal', reader: Reader, trained: boolean): string =>
  `${measure} ${reader}${trained ? '' : ' untrained'}`;

export function finding({ arms }: ToySessionsResult): string {
  const say = (reader: Reader, trained: boolean): string =>
    armWords(arms, measureOf('recall', reader, trained), 'joint', { range: [0, 1] });
  return `Of ${units} units the one with the answer is read first for ${say('memory', false)} of the questions before training and ${say('memory', true)} after it, ${say('links', true)} with links and ${say('window', true)} from the last session alone; by chance it is ${(1 / units).toPrecision(2)}.`;
}

export function sections({ arms, shown }: ToySessionsResult): readonly Section[] {
  if (arms.runs.length === 0) return [];
  return [
    table(arms),
    ...(shown ? [matrix(shown, 'before'), matrix(shown, 'after'), timeLine(shown)] : []),
    armsLoss(arms),
  ];
}

const table = (arms: ArmsResult): Section =>
  build.cellTable(
    'readers',
    'What is found',
    `Questions through the other modality about ${units} units of two sessions; a quarter of the units only refer to another, which has the answer. Without a memory the answer is guessed: 1 of ${units}.`,
    [
      build.text('reader', 'What is read'),
      build.text('space', 'Encoders'),
      build.number(
        'recall',
        'R@1',
        'Share of the questions whose unit with the answer has the largest weight, mean over runs.',
      ),
      build.number('recall-low', 'from', "Lower end of Student's 95 % interval over runs."),
      build.number('recall-high', 'to', 'Upper end of it.'),
      build.number(
        'reciprocal',
        'MRR',
        'Mean of 1 / rank of the unit with the answer; one that cannot be read is last.',
      ),
    ],
    [false, true].flatMap((trained) =>
      readers.map(({ id, title }) => {
        const recall = overSeeds(arms, measureOf('recall', id, trained), 'joint', [0, 1]);
        const reciprocal = overSeeds(arms, measureOf('reciprocal', id, trained), 'joint', [0, 1]);
        const cells = [recall?.mean, recall?.low, recall?.high, reciprocal?.mean].map(cellOf);
        return [title, trained ? 'trained' : 'untrained', ...cells];
      }),
    ),
  );

const matrix = (shown: ShownEpisode, when: 'before' | 'after'): Section => ({
  kind: 'map',
  id: `similarity-${when}`,
  title: `Questions and units ${when} training`,
  caption: 'One test episode of the first run. The unit of the thing itself is on the diagonal.',
  unit: '',
  definition: 'cosine of the embeddings of question (row) and unit (column)',
  scale: build.ranges.diverging,
  rows: { title: 'Question', labels: shown.questions },
  columns: { title: 'Unit', labels: shown.units.map((_, at) => String(at + 1)) },
  values: shown[when],
});

const timeLine = (shown: ShownEpisode): Section =>
  build.table(
    'questions',
    'Questions of the third session',
    'Which unit is read, with links, after training.',
    shown.questions,
    [
      build.text('question', 'Question', (question) => question),
      build.text('read', 'Unit read', (_, at) => shown.units[shown.read[at] ?? 0] ?? ''),
      build.text('answer', 'Unit with the answer', (_, at) => shown.units[shown.answers[at] ?? 0] ?? ''),
      build.text('right', 'Right', (_, at) => (shown.read[at] === shown.answers[at] ? 'yes' : 'no')),
    ],
  );

export const weights = (folder: string): Section => folderSection(folder);
