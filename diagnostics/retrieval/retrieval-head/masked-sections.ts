/** What a result of `retrieval-head` shows of heads that were masked. */
import type { SectionSeries } from '../../../protocol/sections/chart';
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import type { SectionCell } from '../../../protocol/sections/table';
import { headName } from '../../../protocol/schema/written-form';
import type { Grid, MaskedResult, RetrievalHeadResult } from './result';
import { label, modeWords } from './words';
import { percent } from '../../../protocol/wire/number-words';
import * as build from '../../../protocol/sections/builders';

export const maskedSections = (result: RetrievalHeadResult): readonly Section[] => [
  ...(result.masked.length > 0 || result.notMasked.length > 0 ? [tableOf(result)] : []),
  ...(result.masked.some(({ kind }) => kind !== 'chosen') ? [chartOf(result)] : []),
  ...(result.grid ? [gridSection(result.grid, result.masked)] : []),
];

/** Heads of a set that are named in a table. */
const mostNamed = 12;

const namesOf = ({ heads }: MaskedResult): string =>
  heads.length > mostNamed
    ? `${heads.slice(0, mostNamed).map(headName).join(', ')} and ${heads.length - mostNamed} more`
    : heads.map(headName).join(', ');

function tableOf(result: RetrievalHeadResult) {
  const { tests, passed, passedShare, passedLow, passedHigh, recall, masked, notMasked, mode, needed } = result;
  const number = (name: string, title: string, definition: string, digits = 3) => ({
    ...build.number(name, title, definition),
    digits,
  });
  const left =
    notMasked.length === 0
      ? ''
      : ` Not run: ${notMasked.join('; ')}. A set needs scores, and a random one as many heads outside the top.`;
  return build.cellTable(
    'masked',
    'The same tests without some heads',
    `A masked head ${modeWords[mode]}. Random heads exclude the top ones and, where enough others are left, all retrieval heads.${left}`,
    [
      build.text('without', 'Without'),
      number('count', 'Heads masked', 'How many heads are masked.', 6),
      number('tests', 'Tests', 'Tests that were run.', 6),
      number('passed', 'Passed', `Tests whose answer has a recall above ${needed}.`, 6),
      number('share', 'Share', 'Share of the tests.'),
      number('low', 'Low', 'Lower end of Wilson’s 95 % interval of the share.'),
      number('high', 'High', 'Upper end of the same.'),
      number(
        'recall',
        'Mean recall',
        'ROUGE-1 recall: share of the words of the right answer that stand in the answer.',
      ),
      build.text('heads', 'Heads'),
    ],
    [
      ['no head', null, tests, passed, passedShare, passedLow, passedHigh, recall, ''],
      ...masked.map((one): readonly SectionCell[] => [
        one.name,
        one.heads.length,
        one.tests,
        one.passed,
        one.share,
        one.low,
        one.high,
        one.recall,
        namesOf(one),
      ]),
    ].map((row) => row.map((cell) => (typeof cell === 'number' && Number.isNaN(cell) ? null : cell))),
  );
}

function chartOf({ passedShare, passedLow, passedHigh, masked }: RetrievalHeadResult) {
  const none = { x: 0, y: passedShare, low: passedLow, high: passedHigh, label: 'all heads' };
  const series = (kind: 'top' | 'random', title: string): readonly SectionSeries[] => {
    const sets = masked.filter((one) => one.kind === kind && one.tests > 0);
    if (sets.length === 0) return [];
    return [
      {
        id: kind,
        title,
        // Several draws of one number have no order that a line could follow.
        mark: new Set(sets.map(({ heads }) => heads.length)).size === sets.length ? 'line' : 'points',
        points: [
          none,
          ...sets.map(({ heads, share, low, high, name }) => ({ x: heads.length, y: share, low, high, label: name })),
        ],
      },
    ];
  };
  return build.chart(
    'masked-share',
    'Tests that pass, by number of heads masked',
    '',
    build.axis('heads masked', '', { min: 0 }),
    build.shareAxis('share of tests that pass'),
    [...series('top', 'highest scores'), ...series('random', 'random others')],
    { interval: 'Wilson’s 95 % interval over tests' },
  );
}

function gridSection({ lengths, depths, recall }: Grid, masked: readonly MaskedResult[]): MapSection {
  const names = ['all heads', ...masked.map(({ name }) => name)];
  // A column without numbers parts one grid from the next.
  const parted = <T>(blocks: readonly (readonly T[])[], gap: T): readonly T[] =>
    blocks.flatMap((block, at) => (at === 0 ? block : [gap, ...block]));
  return {
    kind: 'map',
    id: 'grid',
    title: 'Recall by length and depth',
    caption:
      names.length === 1
        ? 'Depth 0 % is the beginning of the prompt.'
        : `One grid beside the other: ${names.join(', without ')}. Depth 0 % is the beginning of the prompt.`,
    unit: '',
    definition:
      'Mean ROUGE-1 recall of the answers of the cell: share of the words of the right answer that stand in it.',
    scale: build.ranges.share,
    rows: { title: 'depth', labels: depths.map((depth) => label(percent(depth))) },
    columns: {
      title: 'length in tokens',
      labels: parted(
        names.map((name, at) => lengths.map((length) => label(at === 0 ? String(length) : `${length} ${name}`))),
        label(' '),
      ),
    },
    values: depths.map((_, depth) =>
      parted(
        recall.map((grid) => grid[depth] ?? []),
        Number.NaN,
      ),
    ),
  };
}
