/** What the experiment shows and says. */
import type { Section } from '../../../protocol/sections/section';
import { cellOf, numberColumn } from '../../shared/sections/cell';
import { differenceOverSeeds, overSeeds, type ArmsResult } from '../../shared/training/arms';
import { armsProgress, armsSections, overSeedsWords, type ArmMeasure } from '../../shared/training/arms-sections';
import { armWords, folderSection } from '../../shared/training/arms-steps';
import { lengths } from './corpus';
import type { ShownDocument, ToyKnowledgeResult } from './result';

export const measureOf = (length?: number): string => (length === undefined ? 'f1' : `f1 of ${length}`);

const overall: ArmMeasure = {
  name: measureOf(),
  title: 'Micro F1',
  unit: '',
  definition:
    'Of all labels of all test documents: twice the right ones over those that are given (probability above 0.5) and those that are there.',
  range: [0, 1],
};

export function finding({ arms }: Partial<ToyKnowledgeResult>): string {
  const open = armsProgress(arms);
  if (open !== undefined || !arms) return open ?? '';
  const [short, long] = [lengths[0], lengths.at(-1) ?? lengths[0]];
  const gain = (length: number): string => {
    const found = differenceOverSeeds(arms, measureOf(length), 'both', 'document');
    return found ? overSeedsWords(found, 2) : 'not measured';
  };
  return `Knowledge adds ${gain(short)} to the micro F1 of documents of ${short} words and ${gain(long)} to that of ${long} words; over all lengths label attention reaches ${armWords(arms, measureOf(), 'both')} and averaging ${armWords(arms, measureOf(), 'averaged')}.`;
}

export function sections({ arms, shown, folder }: Partial<ToyKnowledgeResult>): readonly Section[] {
  if (!arms || arms.runs.length === 0) return [];
  return [
    byLength(arms),
    ...(shown ? [heat(shown, 'document'), heat(shown, 'known'), mixed(shown)] : []),
    ...armsSections(arms, [overall]),
    ...(folder === undefined ? [] : [folderSection(folder, 'label-attention')]),
  ];
}

const byLength = (arms: ArmsResult): Section => ({
  kind: 'chart',
  id: 'lengths',
  title: 'Micro F1 by length of the document',
  caption: 'At the end of training, test documents; half of them name entities that no training document has.',
  x: { title: 'words', unit: '', scale: 'log2' },
  y: { title: 'micro F1', unit: '', scale: 'linear', min: 0, max: 1 },
  series: arms.arms.map(({ id, title }) => ({
    id,
    title,
    mark: 'line' as const,
    points: lengths.flatMap((length) => {
      const found = overSeeds(arms, measureOf(length), id, [0, 1]);
      if (!found) return [];
      return [{ x: length, y: found.mean, ...(Number.isNaN(found.low) ? {} : { low: found.low, high: found.high }) }];
    }),
  })),
  interval: "Student's 95 % interval over runs",
});

const heat = (shown: ShownDocument, of: 'document' | 'known'): Section => ({
  kind: 'map',
  id: `attention-${of}`,
  title: of === 'document' ? 'What each label reads of a document' : 'What each label reads of the knowledge',
  caption: `A test document of topics ${shown.labels.join(' and ')}, first run. T: a word of the topic; E: an entity of it, which no training document has; -: a word that says nothing.`,
  unit: '',
  definition: 'A = softmax over tokens of C H^T / sqrt(width)',
  scale: { kind: 'sequential', min: 0, max: 1 },
  rows: { title: 'Label', labels: shown[of].map((_, topic) => `topic ${topic + 1}`) },
  columns: { title: 'Word', labels: of === 'document' ? shown.words : shown.knowledge },
  values: shown[of],
});

const mixed = (shown: ShownDocument): Section => ({
  kind: 'table',
  id: 'mix',
  title: 'Labels of this document',
  columns: [
    { name: 'label', title: 'Label', kind: 'text' },
    { name: 'is', title: 'It has it', kind: 'text' },
    numberColumn('probability', 'Probability', 'Of the label, by itself.'),
    numberColumn('mix', 'Share of the document', 'g: the rest of what the label reads is of the knowledge.'),
  ],
  rows: shown.mix.map((mix, topic) => [
    `topic ${topic + 1}`,
    shown.labels.includes(topic + 1) ? 'yes' : 'no',
    cellOf(shown.probabilities[topic]),
    mix,
  ]),
});
