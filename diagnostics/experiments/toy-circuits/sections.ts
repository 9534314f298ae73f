/** What the experiment shows and says. */
import type { Section } from '../../../protocol/sections/section';
import { circuitReuse } from '../../circuits/circuit-reuse/analysis';
import { curveChart } from '../../shared/training/curves';
import { cellOf } from '../../shared/sections/cell';
import { toyTasks } from './language';
import type { Learned, ToyResult } from './result';
import { percent } from '../../shared/words';

/** Accuracy from which circuits are looked for: of a task that is not done there is none. */
export const leastAccuracy = 0.7;

export const accuracyName = (task: string): string => `accuracy of ${task}`;
export const lossName = (task: string): string => `loss of ${task}`;

const isLearned = ({ accuracy }: Learned): boolean => accuracy.value >= leastAccuracy;

export function finding({ learned, reuse, curves }: Partial<ToyResult>): string {
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
  return reuse ? `${done} ${circuitReuse.finding(reuse)}` : done;
}

const accuracyTable = ({ learned = [], folder = '' }: Partial<ToyResult>): Section => ({
  kind: 'table',
  id: 'learned',
  title: 'What the model has learned',
  caption: `New prompts of each task, which training has not seen. The model and these prompts (JSONL) are in ${folder}: choose the folder as the model, and a file of prompts as the task, of any other analysis.`,
  columns: [
    { name: 'task', title: 'Task', kind: 'text' },
    {
      name: 'accuracy',
      title: 'Accuracy',
      kind: 'number',
      unit: '',
      definition: 'Share of prompts whose right answer has the largest logit of the whole vocabulary.',
    },
    { name: 'low', title: 'From', kind: 'number', unit: '', definition: "Lower end of Wilson's 95 % interval." },
    { name: 'high', title: 'To', kind: 'number', unit: '', definition: 'Upper end of it.' },
    {
      name: 'chance',
      title: 'Guess',
      kind: 'number',
      unit: '',
      definition: 'Share that a guess among the possible answers of the prompt gets right.',
    },
    { name: 'n', title: 'Prompts', kind: 'number', unit: 'prompts', definition: 'Prompts that were run.' },
  ],
  rows: learned.map(({ title, accuracy, chance }) => [
    title,
    cellOf(accuracy.value),
    cellOf(accuracy.low),
    cellOf(accuracy.high),
    cellOf(chance),
    accuracy.n,
  ]),
});

export function sections(result: Partial<ToyResult>): readonly Section[] {
  const { curves, learned, reuse } = result;
  if (!curves) return [];
  const named = (name: (task: string) => string, what: string): Readonly<Record<string, string>> =>
    Object.fromEntries(toyTasks.map(({ id, title }) => [name(id), `${title}${what}`]));
  return [
    curveChart(curves, {
      id: 'loss',
      title: 'Loss',
      caption:
        'Of the batches that it learns from (answers, repeated words, and a little of every other word), and of answers on held-out prompts.',
      y: { title: 'loss', unit: 'nats', scale: 'log10' },
      loss: true,
      measures: named(lossName, ', held out'),
    }),
    curveChart(curves, {
      id: 'accuracy',
      title: 'Accuracy on held-out prompts',
      caption:
        'Share of prompts whose right answer has the largest logit. The sudden rise is where heads that find an earlier copy form.',
      y: { title: 'accuracy', unit: '', scale: 'linear', min: 0, max: 1 },
      measures: named(accuracyName, ''),
    }),
    ...(learned ? [accuracyTable(result)] : []),
    ...(reuse ? circuitReuse.sections(reuse) : []),
  ];
}
