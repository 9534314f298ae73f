/** Two results of heads or labels side by side, of two checkpoints, prompts or interventions: what changed, most changed first. */
import { labelWords, statisticInfos } from '../../../protocol/results/head-words';
import { headLabels, type HeadLabel, type PerHead } from '../../../protocol/results/heads';
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import type { LabelledResult } from '../../../protocol/results/labelled-heads';
import { scoredApart, scoreTitles } from '../../../protocol/results/sections/labels';
import * as build from '../../../protocol/sections/builders';

/** Rows of the table of scores: what changed less is in the grid. */
const mostRows = 100;
/** Rows of each statistic. */
const mostOfEach = 12;

export function compare(a: LabelledResult, b: LabelledResult): readonly Section[] {
  if (!sameHeads(a, b)) return [otherHeads];
  // A result without labels has none that changed.
  const labelled = a.labelScores !== undefined || b.labelScores !== undefined;
  return [
    changeSection(a, b),
    changedStatistics(a, b),
    ...(labelled ? [changedLabelTable(a, b), changedScores(a, b)] : []),
    ...changedTogether(a, b),
  ];
}

export const otherHeads = build.paragraphs('other-heads', 'Change', [
  'The two models do not have the same layers and heads, so no head of one is a head of the other. Their results are shown side by side.',
]);

const sameHeads = (a: LabelledResult, b: LabelledResult): boolean =>
  shapeOf(a.statistics.selfToken) === shapeOf(b.statistics.selfToken);
export const shapeOf = (table: PerHead): string => table.map((row) => row.length).join();

interface Change {
  readonly layer: number;
  readonly head: number;
  readonly label: HeadLabel;
  readonly first: number;
  readonly second: number;
  readonly change: number;
}

/** Every score that both results have, most changed first. */
function changesOf(a: LabelledResult, b: LabelledResult): readonly Change[] {
  const changes = headLabels.flatMap((label) =>
    (a.labelScores?.[label]?.score ?? []).flatMap((row, layer) =>
      row.map((first, head): Change => {
        const second = b.labelScores?.[label]?.score[layer]?.[head] ?? Number.NaN;
        return { layer, head, label, first, second, change: second - first };
      }),
    ),
  );
  return changes
    .filter(({ change }) => !Number.isNaN(change))
    .sort((one, other) => Math.abs(other.change) - Math.abs(one.change));
}

/** Heads that had other labels in `a` than they have in `b`, the largest change of a score first. */
export function changedLabels(a: LabelledResult, b: LabelledResult) {
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
  return rows.sort(
    (one, other) => Math.abs(other.change) - Math.abs(one.change) || one.layer - other.layer || one.head - other.head,
  );
}

function changedLabelTable(a: LabelledResult, b: LabelledResult) {
  const words = (labels: readonly HeadLabel[]): string =>
    labels.map((label) => labelWords[label].title).join(', ') || '–';
  return build.table(
    'changed-labels',
    'Heads whose labels changed',
    'A head gets or loses a label when a score crosses its threshold, which a small change may do: see the change of its score.',
    changedLabels(a, b),
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

function labelsByHead({ classes }: LabelledResult): ReadonlyMap<string, readonly HeadLabel[]> {
  const byHead = new Map<string, HeadLabel[]>();
  for (const { layer, head, label } of classes) {
    const key = `${layer}.${head}`;
    byHead.set(key, [...(byHead.get(key) ?? []), label]);
  }
  return byHead;
}

function changedScores(a: LabelledResult, b: LabelledResult) {
  const changes = changesOf(a, b);
  const shown = changes.filter(({ change }) => change !== 0).slice(0, mostRows);
  const sd = ({ layer, head, label }: Change, of: LabelledResult): number =>
    of.labelScores?.[label]?.nullSd[layer]?.[head] ?? Number.NaN;
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

function changeSection(a: LabelledResult, b: LabelledResult) {
  const change = (name: string, title: string, unit: string, tables: MeasuredTwice['tables']): HeadsLayer =>
    changeLayer(name, { title, unit, tables });
  return build.heads('change', 'Change of each head', '', [
    ...statisticInfos.map(({ id, title, unit = '' }) => change(id, title, unit, [a.statistics[id], b.statistics[id]])),
    ...groupsOf(a, b).map(({ name, tables }) => change(`group-${name}`, `Mass on ${name}`, '', tables)),
    ...scoredApart.flatMap((label) => {
      const [first, second] = [a.labelScores?.[label]?.score, b.labelScores?.[label]?.score];
      return first && second ? [change(`score-${label}`, scoreTitles[label], '', [first, second])] : [];
    }),
  ]);
}

export const changeLayer = (name: string, { title, unit, tables: [first, second] }: MeasuredTwice): HeadsLayer =>
  build.signed(
    name,
    title,
    'This result less the other.',
    first.map((row, layer) => row.map((value, head) => (second[layer]?.[head] ?? Number.NaN) - value)),
    unit,
  );

/** Groups of keys that both results have, by their names. */
const groupsOf = (a: LabelledResult, b: LabelledResult) =>
  Object.entries(a.groups).flatMap(([name, first]) => {
    const second = b.groups[name];
    return second ? [{ name, tables: [first, second] as const }] : [];
  });

function changedStatistics(a: LabelledResult, b: LabelledResult) {
  return mostChanged('changed-statistics', 'Heads, most changed first', [
    ...statisticInfos.map(({ id, title, unit = '' }) => ({
      title,
      unit,
      tables: [a.statistics[id], b.statistics[id]] as const,
    })),
    ...groupsOf(a, b).map(({ name, tables }) => ({ title: `Mass on ${name}`, unit: '', tables })),
  ]);
}

export interface MeasuredTwice {
  readonly title: string;
  readonly unit: string;
  /** Values of the other result, and of this one. */
  readonly tables: readonly [PerHead, PerHead];
}

/** The heads that changed most, statistic by statistic. */
export function mostChanged(id: string, heading: string, measured: readonly MeasuredTwice[]) {
  const rows = measured.flatMap(({ title, unit, tables: [before, after] }) =>
    before
      .flatMap((row, layer) =>
        row.map((first, head) => {
          const second = after[layer]?.[head] ?? Number.NaN;
          return { layer, head, title, unit, first, second, change: second - first };
        }),
      )
      .filter(({ change }) => change !== 0 && !Number.isNaN(change))
      .sort((one, other) => Math.abs(other.change) - Math.abs(one.change))
      .slice(0, mostOfEach),
  );
  return build.table(
    id,
    heading,
    `Of each statistic the ${mostOfEach} heads that changed most; the others are in the grid. No significance test is made: a change is the difference of two numbers.`,
    rows,
    [
      build.text('statistic', 'Statistic', ({ title }) => title),
      build.head(({ layer, head }) => ({ layer, head })),
      build.number('first', 'Other', 'Of the other result.', ({ first }) => first),
      build.number('second', 'This', 'Of this result.', ({ second }) => second),
      {
        ...build.number(
          'change',
          'Change',
          'This result less the other.',
          ({ change }: (typeof rows)[number]) => change,
        ),
        as: 'signed' as const,
      },
      build.text('unit', 'Unit', ({ unit }) => unit),
    ],
    { empty: 'No statistic changed.' },
  );
}

function changedTogether(a: LabelledResult, b: LabelledResult): readonly TableSection[] {
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
