/** What a result of RazorAttention shows. */
import { headPlanText, headPlanWords } from '../../../protocol/plans/head-plan';
import type { ChartSection } from '../../../protocol/sections/chart';
import type { HeadsLayer, HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import { bytesTable } from '../../shared/plans/bytes-table';
import { isAmong, kvName } from '../../shared/plans/places';
import { countColumn, numberColumn } from '../../shared/sections/cell';
import { threeDigits } from '../../shared/words';
import { gridSections } from './grid-sections';
import type { RazorResult } from './result';
import type { PerHead } from './selection';

const inductionMeans =
  'Mean over the queries i of the second to fourth copy of the probe, of the sum of p(i, j + 1) over all j < i with the token of i: attention on what followed its token before.';
const echoMeans =
  'Mean over the queries i of the second to fourth copy of the probe, of the sum of p(i, j) over all j < i with the token of i: attention on its earlier occurrences.';

const isDone = (result: Partial<RazorResult>): result is RazorResult => result.retrieval !== undefined;

export function sections(result: Partial<RazorResult>): readonly Section[] {
  if (!isDone(result)) return [];
  return [
    kvHeads(result),
    ...(result.inductionScores.flat().length > result.induction.flat().length ? [queryHeads(result)] : []),
    scatter(result),
    retrievalTable(result),
    bytesTable(result.bytes),
    ...(result.grid ? gridSections(result.grid) : []),
    ...(result.notes.length > 0
      ? [{ kind: 'text' as const, id: 'notes', title: 'Notes', paragraphs: result.notes }]
      : []),
  ];
}

const scoreLayers = (induction: PerHead, echo: PerHead, of: string): readonly HeadsLayer[] => [
  {
    name: 'induction',
    title: 'Induction',
    unit: '',
    definition: `${inductionMeans}${of}`,
    scale: { kind: 'sequential', min: 0, max: 1 },
    values: induction,
  },
  {
    name: 'echo',
    title: 'Echo',
    unit: '',
    definition: `${echoMeans}${of}`,
    scale: { kind: 'sequential', min: 0, max: 1 },
    values: echo,
  },
];

const kvHeads = ({ induction, echo, inductionHeads, echoHeads, retrieval, uniform, period, tokens }: RazorResult) =>
  ({
    kind: 'heads',
    id: 'kv-heads',
    title: 'Echo and induction by key/value head',
    caption: `${period} random tokens, four times (${tokens} tokens). A head that reads everything alike has ${threeDigits(uniform)} of both.`,
    cell: 'key/value head',
    ask: 'Show its attention on a probe',
    numbers: scoreLayers(induction, echo, ' Of a key/value head the largest of its query heads.'),
    classes: [
      {
        name: 'induction',
        title: 'Induction head',
        definition: 'Among the largest induction scores of all layers: keeps everything.',
        heads: inductionHeads,
      },
      {
        name: 'echo',
        title: 'Echo head',
        definition: 'Among the largest echo scores of all layers: keeps everything.',
        heads: echoHeads,
      },
    ],
    marked: retrieval.map(({ layer, head }) => ({ layer, head })),
  }) satisfies HeadsSection;

const queryHeads = ({ inductionScores, echoScores }: RazorResult): HeadsSection => ({
  kind: 'heads',
  id: 'query-heads',
  title: 'Echo and induction by query head',
  ask: 'Show its attention on a probe',
  numbers: scoreLayers(inductionScores, echoScores, ''),
});

function scatter({ induction, echo, inductionHeads, echoHeads, uniform }: RazorResult): ChartSection {
  const lists = [
    { id: 'both', title: 'both lists', is: [true, true] },
    { id: 'induction', title: 'induction heads', is: [true, false] },
    { id: 'echo', title: 'echo heads', is: [false, true] },
    { id: 'cut', title: 'cut', is: [false, false] },
  ] as const;
  const most = (scores: PerHead): number => Math.max(uniform, ...scores.flat());
  const places = induction.flatMap((row, layer) => row.map((_, head) => ({ layer, head })));
  return {
    kind: 'chart',
    id: 'scatter',
    title: 'Echo against induction',
    caption: 'One point for each key/value head.',
    x: { title: 'induction', unit: '', scale: 'linear', min: 0 },
    y: { title: 'echo', unit: '', scale: 'linear', min: 0 },
    series: lists.flatMap(({ id, title, is }) => {
      const own = places.filter(
        (place) => isAmong(inductionHeads, place) === is[0] && isAmong(echoHeads, place) === is[1],
      );
      const points = own.map((place) => ({
        x: induction[place.layer]?.[place.head] ?? Number.NaN,
        y: echo[place.layer]?.[place.head] ?? Number.NaN,
        label: kvName(place),
      }));
      return points.length > 0 ? [{ id, title, mark: 'points' as const, points }] : [];
    }),
    references: [
      { label: 'reads all alike', from: [uniform, 0], to: [uniform, most(echo)] },
      { label: '', from: [0, uniform], to: [most(induction), uniform] },
    ],
  };
}

const retrievalTable = (result: RazorResult): TableSection => ({
  kind: 'table',
  id: 'retrieval',
  title: 'Heads that keep everything',
  caption: `Ranks among the ${result.induction.flat().length} key/value heads of all layers. The others: ${cutText(result)}.`,
  ask: 'Show its attention on a probe',
  empty: 'The shares of both lists are 0.',
  columns: [
    { name: 'head', title: 'Key/value head', kind: 'head' },
    { name: 'list', title: 'List', kind: 'text' },
    numberColumn('induction', 'Induction', inductionMeans),
    countColumn('induction-rank', 'Rank', 'Of the induction score, from 1.'),
    numberColumn('echo', 'Echo', echoMeans),
    countColumn('echo-rank', 'Rank', 'Of the echo score, from 1.'),
  ],
  rows: result.retrieval.map(({ layer, head, inductionRank, echoRank }) => {
    const [first, second] = [result.inductionHeads, result.echoHeads].map((list) => isAmong(list, { layer, head }));
    return [
      { layer, head },
      first && second ? 'both' : first ? 'induction' : 'echo',
      result.induction[layer]?.[head] ?? null,
      inductionRank,
      result.echo[layer]?.[head] ?? null,
      echoRank,
    ];
  }),
});

function cutText({ plan }: RazorResult): string {
  const cut = plan.flat().find(({ kind }) => kind !== 'full');
  return cut ? `${headPlanText(cut)}, which ${headPlanWords(cut)}` : 'none';
}
