/** What the experiment shows and says. */
import type { Section } from '../../../protocol/sections/section';
import type { Analysis } from '../../analysis';
import { curveChart } from '../../shared/training/curves';
import { toyTasks } from './language';
import type { Learned, ToyResult } from './result';
import { percent } from '../../../protocol/wire/number-words';
import * as build from '../../../protocol/sections/builders';

/** Accuracy from which circuits are looked for: of a task that is not done there is none. */
export const leastAccuracy = 0.7;

export const accuracyName = (task: string): string => `accuracy of ${task}`;
export const lossName = (task: string): string => `loss of ${task}`;

const isLearned = ({ accuracy }: Learned): boolean => accuracy.value >= leastAccuracy;

export function finding(comparison: Pick<Analysis, 'finding'>, { learned, reuse, curves }: Partial<ToyResult>): string {
  if (!learned) {
    const step = curves?.loss.at(-1)?.step;
    return step === undefined ? 'The toy is not trained yet.' : `The toy was trained for ${step} steps so far.`;
  }
  const accuracies = learned.map(({ title, accuracy }) => `${title} ${percent(accuracy.value)}`).join(' and ');
  const missed = learned.filter((each) => !isLearned(each)).map(({ title }) => title);
  const done = `On new prompts the toy gets ${accuracies} right.`;
  if (missed.length > 0) {
    return `${done} It has not learned ${missed.join(' and ')}, so no circuits are compared: train it for more steps, or with another seed.`;
  }
  return reuse ? `${done} ${comparison.finding(reuse)}` : done;
}

const accuracyTable = ({ learned = [], folder = '' }: Partial<ToyResult>): Section =>
  build.table(
    'learned',
    'What the model has learned',
    `New prompts of each task, which training has not seen. The model and these prompts (JSONL) are in ${folder}: choose the folder as the model, and a file of prompts as the task, of any other analysis.`,
    learned,
    [
      build.text('task', 'Task', ({ title }) => title),
      build.number(
        'accuracy',
        'Accuracy',
        'Share of prompts whose right answer has the largest logit of the whole vocabulary.',
        ({ accuracy }) => accuracy.value,
      ),
      build.number('low', 'From', "Lower end of Wilson's 95 % interval.", ({ accuracy }) => accuracy.low),
      build.number('high', 'To', 'Upper end of it.', ({ accuracy }) => accuracy.high),
      build.number('chance', 'Guess', 'Share that a guess among the possible answers of the prompt gets right.'),
      build.number('n', 'Prompts', 'Prompts that were run.', 'prompts', ({ accuracy }) => accuracy.n),
    ],
  );

export function sections(comparison: Pick<Analysis, 'sections'>, result: Partial<ToyResult>): readonly Section[] {
  const { curves, learned, reuse } = result;
  if (!curves) return [];
  const named = (name: (task: string) => string, what: string): Readonly<Record<string, string>> =>
    Object.fromEntries(toyTasks.map(({ id, title }) => [name(id), `${title}${what}`]));
  return [
    curveChart(curves, {
      id: 'loss',
      title: 'Loss',
      caption:
        'Loss of the batches that it learns from (answers, repeated words, and a little of every other word), and of answers on held-out prompts.',
      y: build.logAxis('loss', 'log10', 'nats'),
      loss: true,
      measures: named(lossName, ', held out'),
    }),
    curveChart(curves, {
      id: 'accuracy',
      title: 'Accuracy on held-out prompts',
      caption:
        'Share of prompts whose right answer has the largest logit. The sudden rise is where heads that find an earlier copy form.',
      y: build.shareAxis('accuracy'),
      measures: named(accuracyName, ''),
    }),
    ...(learned ? [accuracyTable(result)] : []),
    ...(reuse ? comparison.sections(reuse) : []),
  ];
}
