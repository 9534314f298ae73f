/** Two results of labels side by side, of two checkpoints, prompts or interventions: what changed, most changed first. */
import { labelWords, statisticInfos } from '../../../protocol/results/head-words';
import { headLabels, type HeadLabel, type PerHead } from '../../../protocol/results/heads';
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import type { LabelsResult } from '../../../protocol/results/labelled-heads';
import { scoredApart, scoreTitles } from '../../../protocol/results/sections/labels';
import * as build from '../../../protocol/sections/builders';

/** Rows of the table of scores: what changed less is in the grid. */
const mostRows = 100;

export function compare(a: LabelsResult, b: LabelsResult): readonly Section[] {
  if (!sameHeads(a, b)) {
    return [
      build.paragraphs('other-heads', 'Change', [
        'The two models do not have the same layers and heads, so no head of one is a head of the other. Their results are shown side by side.',
      ]),
    ];
  }
  return [changedLabels(a, b), changedScores(a, b), changeSection(a, b), ...changedTogether(a, b)];
}

const sameHeads = (a: LabelsResult, b: LabelsResult): boolean =>
  shapeOf(a.statistics.selfToken) === shapeOf(b.statistics.selfToken);
const shapeOf = (table: PerHead): string => table.map((row) => row.length).join();

interface Change {
  readonly layer: number;
  readonly head: number;
  readonly label: HeadLabel;
  readonly first: number;
  readonly second: number;
  readonly change: number;
}

/** Every score that both results have, most changed first. */
function changesOf(a: LabelsResult, b: LabelsResult): readonly Change[] {
  const changes = headLabels.flatMap((label) =>
    (a.labelScores[label]?.score ?? []).flatMap((row, layer) =>
      row.map((first, head): Change => {
        const second = b.labelScores[label]?.score[layer]?.[head] ?? Number.NaN;
        return { layer, head, label, first, second, change: second - first };
      }),
    ),
  );
  return changes
    .filter(({ change }) => !Number.isNaN(change))
    .sort((one, other) => Math.abs(other.change) - Math.abs(one.change));
}

function changedLabels(a: LabelsResult, b: LabelsResult) {
  const [before, after] = [labelsByHead(a), labelsByHead(b)];
  const scores = changesOf(a, b);
  const largest = (key: string, changed: ReadonlySet<HeadLabel>): number =>
    scores.find(({ layer, head, label }) => `${layer}.${head}` === key && changed.has(label))?.change ?? 0;
  const rows = [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [had, has] = [before.get(key) ?? [], after.get(key) ?? []];
    const changed = new Set([
      ...had.filter((label) => !has.includes(label)),
      ...has.filter((label) => !had.includes(label)),
    ]);
    if (changed.size === 0) return [];
    const [layer = 0, head = 0] = key.split('.').map(Number);
    return [{ layer, head, had, has, change: largest(key, changed) }];
  });
  rows.sort(
    (one, other) => Math.abs(other.change) - Math.abs(one.change) || one.layer - other.layer || one.head - other.head,
  );
  const words = (labels: readonly HeadLabel[]): string =>
    labels.map((label) => labelWords[label].title).join(', ') || '–';
  return build.table(
    'changed-labels',
    'Heads whose labels changed',
    'A label goes or comes where a score passes what it needs, which a small change may do: see the change of its score.',
    rows,
    [
      build.head(),
      build.text('first', 'Other', ({ had }) => words(had)),
      build.text('second', 'This', ({ has }) => words(has)),
      build.number(
        'change',
        'Change of score',
        'This result less the other; of the labels that came or went, the score that changed most.',
      ),
    ],
    { empty: 'No label changed.' },
  );
}

function labelsByHead({ classes }: LabelsResult): ReadonlyMap<string, readonly HeadLabel[]> {
  const byHead = new Map<string, HeadLabel[]>();
  for (const { layer, head, label } of classes) {
    const key = `${layer}.${head}`;
    byHead.set(key, [...(byHead.get(key) ?? []), label]);
  }
  return byHead;
}

function changedScores(a: LabelsResult, b: LabelsResult) {
  const changes = changesOf(a, b);
  const shown = changes.filter(({ change }) => change !== 0).slice(0, mostRows);
  const sd = ({ layer, head, label }: Change, of: LabelsResult): number =>
    of.labelScores[label]?.nullSd[layer]?.[head] ?? Number.NaN;
  return build.table(
    'changed-scores',
    'Scores, most changed first',
    `${shown.length} of ${changes.length} scores; the others changed less or not at all. No significance test is made: a change is the difference of two numbers.`,
    shown,
    [
      build.head((one) => ({ layer: one.layer, head: one.head })),
      build.text('label', 'Score of', (one) => labelWords[one.label].title),
      build.number('first', 'Other', 'Score in the other result.', (one) => one.first),
      build.number('second', 'This', 'Score in this result.', (one) => one.second),
      build.number('change', 'Change', 'This result less the other.', (one) => one.change),
      build.number('sd', 'Null sd', 'The larger standard deviation of the two null models.', (one) =>
        Math.max(sd(one, a), sd(one, b)),
      ),
    ],
    { empty: 'No score changed.' },
  );
}

function changeSection(a: LabelsResult, b: LabelsResult) {
  const change = (
    name: string,
    title: string,
    unit: string,
    [first, second]: readonly [PerHead, PerHead],
  ): HeadsLayer =>
    build.signed(
      name,
      title,
      'This result less the other.',
      first.map((row, layer) => row.map((value, head) => (second[layer]?.[head] ?? Number.NaN) - value)),
      unit,
    );
  return build.heads('change', 'Change of each head', '', [
    ...statisticInfos.map(({ id, title, unit = '' }) => change(id, title, unit, [a.statistics[id], b.statistics[id]])),
    ...scoredApart.flatMap((label) => {
      const [first, second] = [a.labelScores[label]?.score, b.labelScores[label]?.score];
      return first && second ? [change(`score-${label}`, scoreTitles[label], '', [first, second])] : [];
    }),
  ]);
}

function changedTogether(a: LabelsResult, b: LabelsResult): readonly TableSection[] {
  const [first, second] = [a.classAblations, b.classAblations];
  if (!first || !second) return [];
  const labels = headLabels.filter((label) => [...first, ...second].some((one) => one.label === label));
  const of = (ablations: typeof first, label: HeadLabel) => ablations.find((one) => one.label === label);
  const loss = (which: string) =>
    ({
      kind: 'number',
      unit: 'nats/token',
      definition: `Loss change on the repeated random sequence without all heads of the label, in ${which} result.`,
    }) as const;
  const number = { kind: 'number', unit: '', definition: 'How many heads have the label.' } as const;
  return [
    build.table(
      'changed-together',
      'All heads of a label removed at once',
      '',
      labels,
      [
        build.text('label', 'Label', (label) => labelWords[label].title),
        { name: 'firstHeads', title: 'Heads, other', ...number, cell: (label) => of(first, label)?.heads ?? 0 },
        { name: 'secondHeads', title: 'Heads, this', ...number, cell: (label) => of(second, label)?.heads ?? 0 },
        {
          name: 'first',
          title: 'Loss change, other',
          ...loss('the other'),
          cell: (label) => of(first, label)?.lossChange,
        },
        { name: 'second', title: 'Loss change, this', ...loss('this'), cell: (label) => of(second, label)?.lossChange },
      ],
      { empty: 'Neither result has a label.' },
    ),
  ];
}
