/** What a result of `retrieval-head` shows of each test: where the top heads looked, and what was answered. */
import type { GenerationsSection } from '../../../protocol/sections/generations';
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import type { SectionCell, SectionColumn } from '../../../protocol/sections/table';
import { headName } from '../../../protocol/schema/written-form';
import type { Looked, RetrievalHeadResult, TestResult } from './result';
import { label } from './words';
import { counted, percent } from '../../../protocol/wire/number-words';
import * as build from '../../../protocol/sections/builders';

export const testSections = (result: RetrievalHeadResult): readonly Section[] => [
  ...(result.topHeads.length > 0 ? [stripSection(result), lookedSection(result)] : []),
  testsSection(result),
  answersSection(result),
];

/** Rows that are drawn and listed. */
const mostDrawn = 1000;

/** The tests that failed stand last. */
const inOrder = (tests: readonly TestResult[]): readonly TestResult[] =>
  [true, false].flatMap((passed) => tests.filter((test) => test.passed === passed)).slice(0, mostDrawn);

const topWords = ({ topHeads }: RetrievalHeadResult): string => topHeads.map(headName).join(', ');

const titleOf = ({ length, depth }: TestResult): string => `${length} tokens, depth ${percent(depth)}`;

function stripSection(result: RetrievalHeadResult): MapSection {
  const tests = inOrder(result.byTest);
  const width = Math.max(1, ...tests.map(({ strip }) => strip.needle.length));
  const filled = (values: readonly number[]): readonly number[] =>
    Array.from({ length: width }, (_, at) => values[at] ?? Number.NaN);
  const tokens = (what: string): readonly string[] =>
    Array.from({ length: width }, (_, at) => label(`${what} ${at + 1}`));
  return {
    kind: 'map',
    id: 'strips',
    title: 'Where the top heads looked, token by token',
    caption: `One row for each test, those that failed last. Left: the key that is read most belongs to the needle. Right: it is the first token. Otherwise the head looked elsewhere. Heads: ${topWords(result)}.`,
    unit: '',
    definition:
      'Share of the top heads whose most-read key, in the row that produced the token, is of the needle (left), or is the first token (right).',
    scale: build.ranges.share,
    rows: {
      title: 'test',
      labels: tests.map(({ length, depth, passed }) => label(`${passed ? '✓' : '✗'} ${length}, ${percent(depth)}`)),
    },
    columns: { title: 'generated token', labels: [...tokens('needle'), label(' '), ...tokens('first')] },
    values: tests.map(({ strip }) => [...filled(strip.needle), Number.NaN, ...filled(strip.firstToken)]),
  };
}

const massColumns = (which: string): readonly SectionColumn[] =>
  (
    [
      ['needle', 'Needle', 'the tokens of the needle'],
      ['first', 'First token', 'the first token'],
      ['elsewhere', 'Elsewhere', 'all other keys'],
    ] as const
  ).map(([name, title, keys]) =>
    build.number(
      name,
      title,
      `Mean attention of the top heads on ${keys}, over the rows that produced the tokens of the answer${which}.`,
    ),
  );

const cells = ({ needle, firstToken, elsewhere }: Looked): readonly SectionCell[] =>
  [needle, firstToken, elsewhere].map((value) => (Number.isNaN(value) ? null : value));

const lookedSection = (result: RetrievalHeadResult) =>
  build.cellTable(
    'looked',
    'Where the top heads look when the answer is right, and when it is wrong',
    `Heads: ${topWords(result)}.`,
    [
      build.text('tests', 'Tests'),
      { ...build.number('count', 'Number', 'How many tests these are.'), digits: 6 },
      ...massColumns(', and over these tests'),
    ],
    (['passed', 'failed'] as const).map((which) => {
      const { tests, top } = result.looked[which];
      return [which, tests, ...cells(top)];
    }),
  );

/** Needles whose tokens occur elsewhere inflate the scores of heads that read them there. */
function repeatedWords(byTest: readonly TestResult[]): { readonly caption?: string } {
  const repeated = byTest.filter((test) => test.repeated).length;
  if (repeated === 0) return {};
  const caption = `In ${repeated} of ${counted(byTest.length, 'test', 'tests')} a token of the needle stands elsewhere in the prompt as well: what a head copies from there does not count, and the answer may come from there.`;
  return { caption };
}

const testsSection = ({ byTest, topHeads, needed }: RetrievalHeadResult) =>
  build.cellTable(
    'tests',
    'Tests',
    '',
    [
      { ...build.number('length', 'Length', 'Tokens of the prompt, about.', 'tokens'), digits: 7 },
      build.number('depth', 'Depth', 'Where the needle stands: 0 at the beginning of the prompt, 1 at its end.'),
      { ...build.text('verdict', 'Answer'), definition: `Passed: recall above ${needed}.` },
      build.number(
        'recall',
        'Recall',
        'ROUGE-1 recall: share of the words of the right answer that stand in the answer.',
      ),
      ...(topHeads.length > 0 ? massColumns('') : []),
      build.text('expected', 'Right answer'),
    ],
    byTest
      .slice(0, mostDrawn)
      .map(({ length, depth, passed, recall, looked, expected }) => [
        length,
        depth,
        passed ? 'passed' : 'failed',
        recall,
        ...(topHeads.length > 0 ? cells(looked) : []),
        expected,
      ]),
    { ...repeatedWords(byTest), ask: 'Show where the top heads look' },
  );

/** Texts that are shown: all of them are in the result. */
const mostTexts = 20;

function answersSection({ byTest, masked, needed }: RetrievalHeadResult): GenerationsSection {
  const passes = (recall = Number.NaN): boolean => recall > needed;
  const changed = (at: number): boolean =>
    masked.some(({ answers }) => at < answers.length && passes(answers[at]?.recall) !== passes(byTest[at]?.recall));
  const order = [true, false].flatMap((wanted) => [...byTest.keys()].filter((at) => changed(at) === wanted));
  const shown = order.slice(0, mostTexts);
  const first =
    masked.length > 0 ? ' Tests whose answer some set of heads changes from right to wrong, or back, come first.' : '';
  return {
    kind: 'generations',
    id: 'answers',
    title: 'Answers',
    caption: `${shown.length < byTest.length ? `${shown.length} of ${byTest.length} tests` : `Of ${counted(byTest.length, 'test', 'tests')}`}; greedy decoding.${first}`,
    variants: ['all heads', ...masked.map(({ name }) => `without ${name}`)],
    score: { title: 'recall', unit: '' },
    items: shown.flatMap((at) => {
      const test = byTest[at];
      if (!test) return [];
      return [
        {
          title: `${titleOf(test)}; right: ${test.expected}`,
          prompt: test.question,
          texts: [test.answer, ...masked.map(({ answers }) => answers[at]?.answer ?? '')],
          scores: [test.recall, ...masked.map(({ answers }) => answers[at]?.recall ?? Number.NaN)],
        },
      ];
    }),
  };
}
