/** Two results of labels side by side, of two checkpoints, prompts or interventions: what changed, most changed first. */
import { labelWords, statisticInfos } from '../../../protocol/results/head-words';
import { headLabels, type HeadLabel, type PerHead } from '../../../protocol/results/heads';
import type { HeadsLayer, HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import type { LabelsResult } from './result';
import { cellOf } from '../../shared/sections/cell';
import { scoredApart, scoreTitles } from './sections';

/** Rows of the table of scores: what changed less is in the grid. */
const mostRows = 100;

export function compare(a: LabelsResult, b: LabelsResult): readonly Section[] {
  if (!sameHeads(a, b)) {
    return [
      {
        kind: 'text',
        id: 'other-heads',
        title: 'Change',
        paragraphs: [
          'The two models do not have the same layers and heads, so no head of one is a head of the other. Their results are shown side by side.',
        ],
      },
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

function changedLabels(a: LabelsResult, b: LabelsResult): TableSection {
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
  return {
    kind: 'table',
    id: 'changed-labels',
    title: 'Heads whose labels changed',
    caption:
      'A label goes or comes where a score passes what it needs, which a small change may do: see the change of its score.',
    empty: 'No label changed.',
    columns: [
      { name: 'head', title: 'Head', kind: 'head' },
      { name: 'first', title: 'Other', kind: 'text' },
      { name: 'second', title: 'This', kind: 'text' },
      {
        name: 'change',
        title: 'Change of score',
        kind: 'number',
        unit: '',
        definition: 'This result less the other; of the labels that came or went, the score that changed most.',
      },
    ],
    rows: rows.map(({ layer, head, had, has, change }) => [{ layer, head }, words(had), words(has), change]),
  };
}

function labelsByHead({ classes }: LabelsResult): ReadonlyMap<string, readonly HeadLabel[]> {
  const byHead = new Map<string, HeadLabel[]>();
  for (const { layer, head, label } of classes) {
    const key = `${layer}.${head}`;
    byHead.set(key, [...(byHead.get(key) ?? []), label]);
  }
  return byHead;
}

function changedScores(a: LabelsResult, b: LabelsResult): TableSection {
  const changes = changesOf(a, b);
  const shown = changes.filter(({ change }) => change !== 0).slice(0, mostRows);
  const sd = ({ layer, head, label }: Change, of: LabelsResult): number =>
    of.labelScores[label]?.nullSd[layer]?.[head] ?? Number.NaN;
  return {
    kind: 'table',
    id: 'changed-scores',
    title: 'Scores, most changed first',
    caption: `${shown.length} of ${changes.length} scores; the others changed less or not at all. No significance test is made: a change is the difference of two numbers.`,
    empty: 'No score changed.',
    columns: [
      { name: 'head', title: 'Head', kind: 'head' },
      { name: 'label', title: 'Score of', kind: 'text' },
      { name: 'first', title: 'Other', kind: 'number', unit: '', definition: 'Score in the other result.' },
      { name: 'second', title: 'This', kind: 'number', unit: '', definition: 'Score in this result.' },
      { name: 'change', title: 'Change', kind: 'number', unit: '', definition: 'This result less the other.' },
      {
        name: 'sd',
        title: 'Null sd',
        kind: 'number',
        unit: '',
        definition: 'The larger standard deviation of the two null models.',
      },
    ],
    rows: shown.map((one) => [
      { layer: one.layer, head: one.head },
      labelWords[one.label].title,
      one.first,
      one.second,
      one.change,
      cellOf(Math.max(sd(one, a), sd(one, b))),
    ]),
  };
}

function changeSection(a: LabelsResult, b: LabelsResult): HeadsSection {
  const change = (
    name: string,
    title: string,
    unit: string,
    [first, second]: readonly [PerHead, PerHead],
  ): HeadsLayer => ({
    name,
    title,
    unit,
    definition: 'This result less the other.',
    scale: { kind: 'diverging' },
    values: first.map((row, layer) => row.map((value, head) => (second[layer]?.[head] ?? Number.NaN) - value)),
  });
  return {
    kind: 'heads',
    id: 'change',
    title: 'Change of each head',
    numbers: [
      ...statisticInfos.map(({ id, title, unit = '' }) =>
        change(id, title, unit, [a.statistics[id], b.statistics[id]]),
      ),
      ...scoredApart.flatMap((label) => {
        const [first, second] = [a.labelScores[label]?.score, b.labelScores[label]?.score];
        return first && second ? [change(`score-${label}`, scoreTitles[label], '', [first, second])] : [];
      }),
    ],
  };
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
    {
      kind: 'table',
      id: 'changed-together',
      title: 'All heads of a label removed at once',
      empty: 'Neither result has a label.',
      columns: [
        { name: 'label', title: 'Label', kind: 'text' },
        { name: 'firstHeads', title: 'Heads, other', ...number },
        { name: 'secondHeads', title: 'Heads, this', ...number },
        { name: 'first', title: 'Loss change, other', ...loss('the other') },
        { name: 'second', title: 'Loss change, this', ...loss('this') },
      ],
      rows: labels.map((label) => [
        labelWords[label].title,
        of(first, label)?.heads ?? 0,
        of(second, label)?.heads ?? 0,
        cellOf(of(first, label)?.lossChange),
        cellOf(of(second, label)?.lossChange),
      ]),
    },
  ];
}
