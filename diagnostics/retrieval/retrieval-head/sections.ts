/** What a result of `retrieval-head` shows of its heads. */
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { SectionColumn } from '../../../protocol/sections/table';
import { headName } from '../../../protocol/schema/written-form';
import {
  rankedHeads,
  retrievalThreshold,
  strongThreshold,
  type Counting,
  type HeadTable,
} from '../../shared/retrieval/copy-events';
import { retrievalHeads, strongHeads } from './finding';
import { maskedSections } from './masked-sections';
import type { RetrievalHeadResult } from './result';
import { testSections } from './test-sections';
import { counted } from '../../../protocol/wire/number-words';
import * as build from '../../../protocol/sections/builders';

export function sections(result: Partial<RetrievalHeadResult>): readonly Section[] {
  // A partial result is whole, but of fewer tests.
  const known = result.tests === undefined || result.tests === 0 ? undefined : (result as RetrievalHeadResult);
  if (!known) return [];
  return [
    headsSection(known),
    ...(known.passed > 0 ? [bestSection(known), binsSection(known), barsSection(known), scatterSection(known)] : []),
    ...(known.published ? [publishedSection(known, known.published)] : []),
    ...maskedSections(known),
    ...testSections(known),
    ...(known.notes.length > 0 ? [notesSection(known)] : []),
  ];
}

const notesSection = ({ notes }: RetrievalHeadResult): Section =>
  build.paragraphs('notes', 'What was left out', notes.slice(0, mostNotes));

/** Paragraphs that are shown. */
const mostNotes = 20;

const scoreDefinitions: Readonly<Record<Counting, string>> = {
  set: 'Distinct tokens of the needle that the head copies / distinct tokens of the needle, mean over the tests that passed. It copies a token when the key that it reads most, in the row that produced the token, is of the needle and holds that token.',
  count:
    'Copies / tokens of the needle, mean over the tests that passed; more than 1 where tokens are said again. The head copies a token when the key that it reads most, in the row that produced the token, is of the needle and holds that token.',
};

const frequencyDefinition = 'Share of the tests that passed in which the head copies at least one token of the needle.';

function headsSection(result: RetrievalHeadResult) {
  const { counting, scores, activationFrequency, looked, passed, tests } = result;
  const share = (name: string, title: string, definition: string, values: HeadTable): HeadsLayer =>
    build.shares(name, title, definition, values);
  const mass = (what: string, which: string): string =>
    `Mean attention on ${what}, over the rows that produced the tokens of the answer, in the tests that ${which}.`;
  const marked = retrievalHeads(result).map(({ layer, head }) => ({ layer, head }));
  return build.heads(
    'scores',
    'Retrieval score of each head',
    `Mean over the ${passed} of ${counted(tests, 'test', 'tests')} that passed; tests that failed do not count.`,
    [
      share('score', 'Score', scoreDefinitions[counting], scores),
      share('frequency', 'Activation frequency', frequencyDefinition, activationFrequency),
      share('needle', 'Mass on the needle, passed', mass('the needle', 'passed'), looked.passed.needle),
      share('first', 'Mass on the first token, passed', mass('the first token', 'passed'), looked.passed.firstToken),
      looked.failed.tests > 0 && [
        share('needle-failed', 'Mass on the needle, failed', mass('the needle', 'failed'), looked.failed.needle),
        share(
          'first-failed',
          'Mass on the first token, failed',
          mass('the first token', 'failed'),
          looked.failed.firstToken,
        ),
      ],
    ],
    {
      ask: 'Show where it looks',
      classes: [
        build.headClass('retrieval', 'retrieval', `Score above ${retrievalThreshold}.`, marked),
        build.headClass(
          'strong',
          'strong',
          `Score above ${strongThreshold}.`,
          strongHeads(result).map(({ layer, head }) => ({ layer, head })),
        ),
      ],
      marked,
    },
  );
}

const number = (name: string, title: string, definition: string, digits = 3): SectionColumn => ({
  ...build.number(name, title, definition),
  digits,
});

function bestSection(result: RetrievalHeadResult) {
  const { scores, activationFrequency, looked, counting, passed } = result;
  const found = retrievalHeads(result);
  const always = found.filter(({ layer, head }) => activationFrequency[layer]?.[head] === 1).length;
  const at = (table: HeadTable, layer: number, head: number): number | null => {
    const value = table[layer]?.[head];
    return value === undefined || Number.isNaN(value) ? null : value;
  };
  return build.table(
    'retrieval-heads',
    'Retrieval heads',
    `Heads with a score above ${retrievalThreshold}; ${counted(always, 'is', 'are')} active in ${passed === 1 ? 'the test that passed' : `every one of the ${passed} tests that passed`}.`,
    found,
    [
      build.head(),
      { ...number('score', 'Score', scoreDefinitions[counting]), cell: ({ layer, head }) => at(scores, layer, head) },
      {
        ...number('frequency', 'Activation frequency', frequencyDefinition),
        cell: ({ layer, head }) => at(activationFrequency, layer, head),
      },
      {
        ...number('needle', 'Needle, passed', 'Mean attention on the needle in the tests that passed.'),
        cell: ({ layer, head }) => at(looked.passed.needle, layer, head),
      },
      {
        ...number('first', 'First token, passed', 'Mean attention on the first token in the tests that passed.'),
        cell: ({ layer, head }) => at(looked.passed.firstToken, layer, head),
      },
      {
        ...number('needleFailed', 'Needle, failed', 'Mean attention on the needle in the tests that failed.'),
        cell: ({ layer, head }) => at(looked.failed.needle, layer, head),
      },
      {
        ...number('firstFailed', 'First token, failed', 'Mean attention on the first token in the tests that failed.'),
        cell: ({ layer, head }) => at(looked.failed.firstToken, layer, head),
      },
    ],
    { empty: `No head has a score above ${retrievalThreshold}.`, ask: 'Show where it looks' },
  );
}

const binsSection = ({ bins }: RetrievalHeadResult) =>
  build.table(
    'bins',
    'How many heads have which score',
    'The bins of the paper, whose models have 45 to 73 % of their heads at 0 and 3 to 6 % above 0.1.',
    bins,
    [
      build.text('bin', 'Score'),
      { ...number('heads', 'Heads', 'Heads whose mean score is in the bin.', 6), cell: ({ heads }) => heads },
      { ...number('share', 'Share', 'Share of all heads of the model.'), cell: ({ share }) => share },
    ],
  );

/** Bars of heads, at most: the others copy less. */
const mostBars = 1024;

const barsSection = ({ scores, counting }: RetrievalHeadResult) => {
  const ranked = rankedHeads(scores).slice(0, mostBars);
  const last = Math.max(1, ranked.length - 1);
  return build.chart(
    'sorted',
    'Scores, largest first',
    `Heads above the line at ${retrievalThreshold} are retrieval heads.`,
    build.axis('rank', '', { min: 0 }),
    { title: 'score', unit: '', scale: 'linear', min: 0, ...(counting === 'set' ? { max: 1 } : {}) },
    [
      build.bars(
        'score',
        'score',
        ranked.map((place, at) => ({ x: at, y: place.score, label: headName(place) })),
      ),
    ],
    {
      references: [
        {
          label: String(retrievalThreshold),
          from: [0, retrievalThreshold],
          to: [last, retrievalThreshold],
        },
      ],
    },
  );
};

const scatterSection = ({ scores, activationFrequency }: RetrievalHeadResult) =>
  build.chart(
    'frequency',
    'How often a head copies, against how much',
    'A head that is often active but has a low score copies a part of the needle each time.',
    build.shareAxis('activation frequency'),
    build.axis('score', '', { min: 0 }),
    [
      build.points(
        'heads',
        'heads',
        scores.flatMap((row, layer) =>
          row.map((y, head) => ({
            x: activationFrequency[layer]?.[head] ?? Number.NaN,
            y,
            label: headName({ layer, head }),
          })),
        ),
      ),
    ],
  );

function publishedSection(
  { scores }: RetrievalHeadResult,
  { file, scores: theirs, pearson, heads }: NonNullable<RetrievalHeadResult['published']>,
) {
  const r = Number.isNaN(pearson) ? 'Pearson’s r has no value here' : `Pearson’s r ${pearson.toFixed(3)}`;
  return build.chart(
    'published',
    `Scores against those of ${file}`,
    `${r} over ${counted(heads, 'head', 'heads')}. The paper has 0.84 to 0.91 between a model and its variants, and below 0.05 across families.`,
    build.axis('score here', '', { min: 0 }),
    build.axis('score in the file', '', { min: 0 }),
    [
      build.points(
        'heads',
        'heads',
        scores.flatMap((row, layer) =>
          row.flatMap((x, head) => {
            const y = theirs[layer]?.[head] ?? Number.NaN;
            return Number.isNaN(x) || Number.isNaN(y) ? [] : [{ x, y, label: headName({ layer, head }) }];
          }),
        ),
      ),
    ],
    { references: [{ label: 'equal', from: [0, 0], to: [1, 1] }] },
  );
}
