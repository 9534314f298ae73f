/** What the experiment shows and says. */
import type { Section } from '../../../protocol/sections/section';
import { armsSections, type ArmMeasure } from '../../shared/training/arms-sections';
import { armWords, folderSection } from '../../shared/training/arms-steps';
import { measureNames } from './measure';
import type { ShownScene, ToyGazeResult } from './result';
import { columns, count, rows } from './searcher';
import * as build from '../../../protocol/sections/builders';

const measures: readonly ArmMeasure[] = [
  {
    name: measureNames.accuracy,
    title: 'Next object',
    unit: '',
    definition:
      'Share of the steps of test paths whose next object, or end, has the largest share of the pointer, along the path of the searcher.',
    range: [0, 1],
  },
  {
    name: measureNames.sequence,
    title: 'Sequence score',
    unit: '',
    definition:
      'Best alignment of the likeliest path with that of the searcher (match 1, mismatch and gap 0) by the longer length (SS).',
    range: [0, 1],
  },
  {
    name: measureNames.delta,
    title: 'Behavioral difference',
    unit: '',
    definition:
      'Mean over target found, length, and shares of first visits, refixations and revisits of |network - searcher| / searcher (delta); the searcher has no refixations and revisits, and a network that has some has no number.',
    range: [0, Infinity],
  },
];

export function finding({ arms }: ToyGazeResult): string {
  const say = (arm: string): string => armWords(arms, measureNames.accuracy, arm, { range: [0, 1] });
  return `The next object is predicted for ${say('matched')} of the steps with distance-matched positions, ${say('sinusoidal')} with sinusoidal ones and ${say('none')} without; given the place of the target, as in the release, ${say('given')}.`;
}

export function sections({ arms, shown }: ToyGazeResult): readonly Section[] {
  if (arms.runs.length === 0) return [];
  return [
    ...armsSections(arms, measures),
    ...(shown ? [...shown.pointer.map((row, step) => pointerMap(shown, row, step)), paths(shown, arms.arms)] : []),
  ];
}

const objectName = (shown: ShownScene, at: number): string =>
  at === count ? 'end' : `${shown.objects[at] ?? ''} (${Math.floor(at / columns) + 1}, ${(at % columns) + 1})`;

const pointerMap = (shown: ShownScene, row: readonly number[], step: number): Section => {
  const next = [...shown.path, count][step] ?? count;
  return {
    kind: 'map',
    id: `pointer-${step}`,
    title: `Where step ${step + 1} looks`,
    caption: `The searcher, who looks for ${objectName(shown, shown.target)}, ${next === count ? 'ends here' : `goes to ${objectName(shown, next)}`}. First network, first run; what is left of 1 is the end (${Number((row[count] ?? 0).toPrecision(2))}).`,
    unit: '',
    definition: 'Share of the pointer: softmax of the logits over objects and end',
    scale: build.ranges.share,
    rows: { title: 'Row', labels: Array.from({ length: rows }, (_, at) => String(at + 1)) },
    columns: { title: 'Column', labels: Array.from({ length: columns }, (_, at) => String(at + 1)) },
    values: Array.from({ length: rows }, (_, at) => row.slice(at * columns, (at + 1) * columns)),
  };
};

const paths = (shown: ShownScene, arms: readonly { readonly id: string; readonly title: string }[]): Section =>
  build.cellTable(
    'paths',
    'Paths in this scene',
    '',
    [build.text('who', 'Who'), build.text('path', 'Objects (row, column)')],
    [
      ['Searcher', shown.path.map((at) => objectName(shown, at)).join(', ')],
      ...shown.predicted.map(({ arm, path }) => [
        arms.find(({ id }) => id === arm)?.title ?? arm,
        path.map((at) => objectName(shown, at)).join(', '),
      ]),
    ],
  );

export const weights = (folder: string): Section => folderSection(folder, 'oat');
