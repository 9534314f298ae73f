/** What the analysis `head-index` says and shows. */
import * as build from '../../../protocol/sections/builders';
import type { Section } from '../../../protocol/sections/section';
import { mostRows } from '../../../protocol/sections/section-base';
import type { TableSection } from '../../../protocol/sections/table';
import { headName, type HeadPlace } from '../../../protocol/schema/written-form';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import { shownToken } from '../../../protocol/wire/token-name';
import { bins } from './examples';
import { groups, type HeadIndexResult, type IndexedExample } from './result';

type Measured = Pick<HeadIndexResult, 'examples' | 'texts' | 'means'> & Partial<HeadIndexResult>;
const isMeasured = (result: Partial<HeadIndexResult>): result is Measured =>
  result.examples !== undefined && result.texts !== undefined && result.means !== undefined;

const gridId = 'strengths';
const tableId = 'examples';
const strengthDefinitions = {
  weight: 'p(i, j), j the key that query i reads most but the first token and itself',
  value:
    'p(i, j) |v_j| / max_r |v_r|, j the key that query i reads most but the first token and itself, r all tokens of the document',
} as const;

export function finding(result: Partial<HeadIndexResult>): string {
  if (!isMeasured(result)) return 'Nothing is measured yet.';
  const { means, texts, examples, measure } = result;
  const tokens = texts.reduce((sum, text) => sum + text.tokens.length, 0);
  const read = `${counted(texts.length, 'document', 'documents')} with ${counted(tokens, 'token', 'tokens')}`;
  const [first] = means
    .flatMap((row, layer) => row.map((mean, head) => ({ layer, head, mean })))
    .filter(({ mean }) => !Number.isNaN(mean))
    .sort((a, b) => b.mean - a.mean);
  if (!first) {
    return `No head reads a token other than the first and its own in ${read}. Give documents of at least three tokens.`;
  }
  const what = measure === 'value' ? 'weight times value' : 'weight';
  return `${counted(examples.length, 'example', 'examples')} from ${read}. ${headName(first)} reads single tokens most strongly: on average its ${what} is ${threeDigits(first.mean)}.`;
}

export function sections(result: Partial<HeadIndexResult>): readonly Section[] {
  if (!isMeasured(result)) return [];
  return [grid(result), ...examplesOfAll(result), ...histogram(result)];
}

/** In the order of the table. */
const rowsOfAll = ({ examples }: Measured): readonly IndexedExample[] =>
  groups.flatMap((group) => examples.filter((one) => one.group === group));

function grid(result: Measured): Section {
  const { means, tops = [], medians = [], largest = [], counts = [], measure = 'weight' } = result;
  const rows = rowsOfAll(result).length;
  const each = strengthDefinitions[measure];
  return build.heads(
    gridId,
    'How strongly heads read single tokens',
    'Each query is one example: the key that it reads most, but the first token and itself. Choose a head to see its examples.',
    [
      build.shares('mean', 'Mean strength', `mean over queries of ${each}`, means),
      build.shares('top', 'Mean of the strongest', `mean over the strongest examples that are kept of ${each}`, tops),
      build.shares('median', 'Median strength', `median over queries, within ${1 / bins}, of ${each}`, medians),
      build.shares('largest', 'Largest strength', `largest over queries of ${each}`, largest),
      build.amounts('count', 'Examples', 'queries that read a key other than the first token and themselves', counts),
    ],
    {
      ask: 'Show its examples',
      rows:
        rows === 0
          ? undefined
          : { in: tableId, title: 'Examples', ...(rows <= mostRows ? { complete: true as const } : {}) },
    },
  );
}

function examplesOfAll(result: Measured): readonly Section[] {
  const rows = rowsOfAll(result);
  if (rows.length === 0) return [];
  const more = rows.length - mostRows;
  return [
    exampleTable(
      tableId,
      'Examples of all heads',
      `${strips}${more > 0 ? ` ${more} more examples are in the JSON of the result.` : ''}`,
      result,
      rows.slice(0, mostRows),
      true,
    ),
  ];
}

/** The answer to a question about a head. */
export function examplesOfHead(result: HeadIndexResult, { layer, head }: HeadPlace): Section {
  const own = result.examples.filter((one) => one.layer === layer && one.head === head);
  return exampleTable(gridId, `Examples of ${headName({ layer, head })}`, strips, result, own, false);
}

const strips =
  'The query is underlined, its key framed. The tokens that the query reads most are shaded by their weight, four at most. The example of decile d lies where d tenths of the examples of its head are at most as strong.';

const groupWords = ({ group, number }: IndexedExample): string => `${group} ${number}`;

function exampleTable(
  id: string,
  title: string,
  caption: string,
  { texts, context = 0, measure = 'weight' }: Measured,
  rows: readonly IndexedExample[],
  ofAll: boolean,
): TableSection {
  const group = build.text<IndexedExample>(
    'example',
    'Example',
    groupWords,
    'Strongest first, deciles from weak to strong, drawn at random.',
  );
  const tokenAt = (document: number, row: number): string => shownToken(texts[document]?.tokens[row] ?? '');
  return build.table(
    id,
    title,
    caption,
    rows,
    [
      ofAll && build.head<IndexedExample>(),
      ofAll ? build.wide(group) : group,
      build.number<IndexedExample>('strength', 'Strength', strengthDefinitions[measure], ({ strength }) => strength),
      build.readings<IndexedExample>(
        'text',
        'Text',
        'Tokens around the query and the key, shaded by p(i, j), i the query; in files the key is in «» and the query in ⟦⟧.',
        ({ layer, head, document, query, key, keys, weights }) => ({
          ...{ of: { layer, head }, text: document, query, key, keys, weights },
        }),
      ),
      build.wide(build.text<IndexedExample>('query', 'Query', ({ document, query }) => tokenAt(document, query))),
      build.wide(build.text<IndexedExample>('key', 'Key', ({ document, key }) => tokenAt(document, key))),
      build.wide(build.text<IndexedExample>('document', 'Document', ({ document }) => texts[document]?.name ?? '')),
    ],
    {
      ask: 'Open in Look',
      opensTexts: true,
      texts: texts.map(({ tokens, ids }) => ({ tokens, tokenIds: ids })),
      around: context,
      empty: 'No query of this head reads a token other than the first and its own.',
    },
  );
}

/** Rows that a map can have. */
const mostHeadsDrawn = 4096;

function histogram({ histograms = [] }: Measured): readonly Section[] {
  const rows = histograms.flatMap((layer, l) =>
    layer.map((counts, head) => ({ name: headName({ layer: l, head }), counts })),
  );
  if (rows.length === 0 || rows.length > mostHeadsDrawn) return [];
  return [
    {
      kind: 'map',
      id: 'histograms',
      title: 'Distribution of strengths',
      caption: `Examples of each head by strength, in ${bins} intervals from 0 to 1.`,
      unit: '',
      definition: `examples with a strength from b / ${bins} to (b + 1) / ${bins}`,
      scale: build.ranges.fromZero,
      rows: { title: 'Head', labels: rows.map(({ name }) => name), named: true },
      columns: {
        title: 'Strength',
        labels: Array.from({ length: bins }, (_, bin) => (bin / bins).toFixed(2)),
        named: true,
      },
      values: rows.map(({ counts }) => counts),
    },
  ];
}
