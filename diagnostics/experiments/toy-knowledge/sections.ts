/** What the experiment shows and says. */
import type { Section } from '../../../protocol/sections/section';
import { differenceOverSeeds, overSeeds, type ArmsResult } from '../../shared/training/arms';
import { armsSections, overSeedsWords, type ArmMeasure } from '../../shared/training/arms-sections';
import { armWords, folderSection } from '../../shared/training/arms-steps';
import { lengths } from './corpus';
import type { ShownDocument, ToyKnowledgeResult } from './result';
import * as build from '../../../protocol/sections/builders';

export const measureOf = (length?: number): string => (length === undefined ? 'f1' : `f1 of ${length}`);

const overall: ArmMeasure = {
  name: measureOf(),
  title: 'Micro F1',
  unit: '',
  definition:
    'Over all labels of all test documents: twice the correct predictions, divided by the predicted labels (probability above 0.5) plus the true labels.',
  range: [0, 1],
};

export function finding({ arms }: ToyKnowledgeResult): string {
  const [short, long] = [lengths[0], lengths.at(-1) ?? lengths[0]];
  const gain = (length: number): string => {
    const found = differenceOverSeeds(arms, measureOf(length), 'both', 'document');
    return found ? overSeedsWords(found, 2) : 'not measured';
  };
  return `Knowledge adds ${gain(short)} to the micro F1 of documents of ${short} words and ${gain(long)} to that of ${long} words; over all lengths label attention reaches ${armWords(arms, measureOf(), 'both')} and averaging ${armWords(arms, measureOf(), 'averaged')}.`;
}

export function sections({ arms, shown }: ToyKnowledgeResult): readonly Section[] {
  if (arms.runs.length === 0) return [];
  return [
    byLength(arms),
    ...(shown ? [heat(shown, 'document'), heat(shown, 'known'), mixed(shown)] : []),
    ...armsSections(arms, [overall]),
  ];
}

const byLength = (arms: ArmsResult): Section =>
  build.chart(
    'lengths',
    'Micro F1 by length of the document',
    'At the end of training, test documents; half of them name entities that no training document has.',
    build.logAxis('words', 'log2'),
    build.shareAxis('micro F1'),
    arms.arms.map(({ id, title }) =>
      build.line(
        id,
        title,
        lengths.flatMap((length) => {
          const found = overSeeds(arms, measureOf(length), id, [0, 1]);
          if (!found) return [];
          return [
            { x: length, y: found.mean, ...(Number.isNaN(found.low) ? {} : { low: found.low, high: found.high }) },
          ];
        }),
      ),
    ),
    { interval: "Student's 95 % interval over runs" },
  );

const heat = (shown: ShownDocument, of: 'document' | 'known'): Section => ({
  kind: 'map',
  id: `attention-${of}`,
  title: of === 'document' ? 'What each label reads of a document' : 'What each label reads of the knowledge',
  caption: `A test document of topics ${shown.labels.join(' and ')}, first run. T: a word of the topic; E: an entity of it, which no training document has; -: a word that says nothing.`,
  unit: '',
  definition: 'A = softmax over tokens of C H^T / sqrt(width)',
  scale: build.ranges.share,
  rows: { title: 'Label', labels: shown[of].map((_, topic) => `topic ${topic + 1}`) },
  columns: { title: 'Word', labels: of === 'document' ? shown.words : shown.knowledge },
  values: shown[of],
});

const mixed = (shown: ShownDocument): Section =>
  build.table('mix', 'Labels of this document', '', shown.mix, [
    build.text('label', 'Label', (_, topic) => `topic ${topic + 1}`),
    build.text('is', 'It has it', (_, topic) => (shown.labels.includes(topic + 1) ? 'yes' : 'no')),
    build.number(
      'probability',
      'Probability',
      'Probability of this label on its own.',
      (_, topic) => shown.probabilities[topic],
    ),
    build.number(
      'mix',
      'Share of the document',
      'g: the rest of what the label reads is of the knowledge.',
      (mix) => mix,
    ),
  ]);

export const weights = (folder: string): Section => folderSection(folder, 'label-attention');
