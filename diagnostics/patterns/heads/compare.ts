/** Two results of `heads` side by side, grid by grid; for an encoder-decoder with the grids of encoder and cross-attention. */
import {
  crossLabels,
  crossLabelWords,
  crossStatisticInfos,
  type CrossHeads,
} from '../../../protocol/results/cross-heads';
import type { HeadsMeasured, StackMeasured } from '../../../protocol/results/labelled-heads';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Section } from '../../../protocol/sections/section';
import {
  compare as compareLabelled,
  changeLayer,
  mostChanged,
  otherHeads,
  shapeOf,
} from '../../shared/labels/label-compare';
import { titleIn } from '../../shared/effects/change-grids';
import * as build from '../../../protocol/sections/builders';

export const compare = (a: HeadsMeasured, b: HeadsMeasured): readonly Section[] => [
  ...compareLabelled(a, b),
  ...(a.encoder && b.encoder ? ofEncoder(a.encoder, b.encoder) : []),
  ...(a.cross && b.cross ? ofCross(a.cross, b.cross) : []),
];

const ofEncoder = (a: StackMeasured, b: StackMeasured): readonly Section[] =>
  compareLabelled(a, b).map((section) => ({
    ...section,
    id: `encoder-${section.id}`,
    title: titleIn('encoder', section.title),
    ...(section.kind === 'heads' ? { stack: 'encoder' as const } : {}),
  }));

function ofCross(a: CrossHeads, b: CrossHeads): readonly Section[] {
  const measured = crossStatisticInfos.flatMap(({ id, title, unit = '' }) => {
    const [first, second] = [a.statistics[id], b.statistics[id]];
    return first && second ? [{ id, title, unit, tables: [first, second] as const }] : [];
  });
  if (measured.some(({ tables: [first, second] }) => shapeOf(first) !== shapeOf(second)))
    return [{ ...otherHeads, id: 'cross-other-heads', title: 'Cross-attention: change' }];
  return [
    build.heads(
      'cross-change',
      'Cross-attention: change of each head',
      '',
      measured.map(({ id, ...of }) => changeLayer(id, of)),
      { stack: 'cross' },
    ),
    mostChanged('cross-changed-statistics', 'Cross-attention: heads, most changed first', measured),
    changedCrossLabels(a, b),
  ];
}

function changedCrossLabels(a: CrossHeads, b: CrossHeads) {
  const labelsOf = ({ classes }: CrossHeads, { layer, head }: HeadPlace): string =>
    crossLabels
      .filter((label) => classes.some((one) => one.label === label && one.layer === layer && one.head === head))
      .map((label) => crossLabelWords[label].title)
      .join(', ') || '–';
  const places = new Map([...a.classes, ...b.classes].map(({ layer, head }) => [`${layer}.${head}`, { layer, head }]));
  const rows = [...places.values()]
    .map((place) => ({ ...place, first: labelsOf(a, place), second: labelsOf(b, place) }))
    .filter(({ first, second }) => first !== second)
    .sort((one, other) => one.layer - other.layer || one.head - other.head);
  return build.table(
    'cross-changed-labels',
    'Cross-attention: heads whose labels changed',
    'A head gets or loses a label when a score crosses its threshold, which a small change may do.',
    rows,
    [
      build.head(({ layer, head }) => ({ layer, head })),
      build.text('first', 'Other', ({ first }) => first),
      build.text('second', 'This', ({ second }) => second),
    ],
    { empty: 'No label changed.' },
  );
}
