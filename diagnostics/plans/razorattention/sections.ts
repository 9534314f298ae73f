/** What a result of RazorAttention shows. */
import { headPlanText, headPlanWords } from '../../../protocol/plans/head-plan';
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import { bytesTable } from '../../shared/plans/bytes-table';
import { isAmong, kvName } from '../../shared/plans/places';
import { threeDigits } from '../../../protocol/wire/number-words';
import { gridSections } from './grid-sections';
import type { RazorResult } from './result';
import type { PerHead } from './selection';
import * as build from '../../../protocol/sections/builders';

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
    ...(result.notes.length > 0 ? [build.paragraphs('notes', 'Notes', result.notes)] : []),
  ];
}

const scoreLayers = (induction: PerHead, echo: PerHead, of: string): readonly HeadsLayer[] => [
  build.shares('induction', 'Induction', `${inductionMeans}${of}`, induction),
  build.shares('echo', 'Echo', `${echoMeans}${of}`, echo),
];

const kvHeads = ({ induction, echo, inductionHeads, echoHeads, retrieval, uniform, period, tokens }: RazorResult) =>
  build.heads(
    'kv-heads',
    'Echo and induction by key/value head',
    `${period} random tokens, four times (${tokens} tokens). A head that reads everything alike has ${threeDigits(uniform)} of both.`,
    scoreLayers(induction, echo, ' Of a key/value head the largest of its query heads.'),
    {
      cell: 'key/value head',
      ask: 'Show its attention on a probe',
      classes: [
        build.headClass(
          'induction',
          'Induction head',
          'Among the largest induction scores of all layers: keeps everything.',
          inductionHeads,
        ),
        build.headClass(
          'echo',
          'Echo head',
          'Among the largest echo scores of all layers: keeps everything.',
          echoHeads,
        ),
      ],
      marked: retrieval.map(({ layer, head }) => ({ layer, head })),
    },
  );

const queryHeads = ({ inductionScores, echoScores }: RazorResult) =>
  build.heads('query-heads', 'Echo and induction by query head', '', scoreLayers(inductionScores, echoScores, ''), {
    ask: 'Show its attention on a probe',
  });

function scatter({ induction, echo, inductionHeads, echoHeads, uniform }: RazorResult) {
  const lists = [
    { id: 'both', title: 'both lists', is: [true, true] },
    { id: 'induction', title: 'induction heads', is: [true, false] },
    { id: 'echo', title: 'echo heads', is: [false, true] },
    { id: 'cut', title: 'cut', is: [false, false] },
  ] as const;
  const most = (scores: PerHead): number => Math.max(uniform, ...scores.flat());
  const places = induction.flatMap((row, layer) => row.map((_, head) => ({ layer, head })));
  return build.chart(
    'scatter',
    'Echo against induction',
    'One point for each key/value head.',
    build.axis('induction', '', { min: 0 }),
    build.axis('echo', '', { min: 0 }),
    lists.flatMap(({ id, title, is }) => {
      const own = places.filter(
        (place) => isAmong(inductionHeads, place) === is[0] && isAmong(echoHeads, place) === is[1],
      );
      const points = own.map((place) => ({
        x: induction[place.layer]?.[place.head] ?? Number.NaN,
        y: echo[place.layer]?.[place.head] ?? Number.NaN,
        label: kvName(place),
      }));
      return points.length > 0 ? [build.points(id, title, points)] : [];
    }),
    {
      references: [
        { label: 'reads all alike', from: [uniform, 0], to: [uniform, most(echo)] },
        { label: '', from: [0, uniform], to: [most(induction), uniform] },
      ],
    },
  );
}

const retrievalTable = (result: RazorResult) =>
  build.cellTable(
    'retrieval',
    'Heads that keep everything',
    `Ranks among the ${result.induction.flat().length} key/value heads of all layers. The others: ${cutText(result)}.`,
    [
      build.head(undefined, 'head', 'Key/value head'),
      build.text('list', 'List'),
      build.number('induction', 'Induction', inductionMeans),
      build.count('induction-rank', 'Rank', 'Rank by the induction score, from 1.'),
      build.number('echo', 'Echo', echoMeans),
      build.count('echo-rank', 'Rank', 'Rank by the echo score, from 1.'),
    ],
    result.retrieval.map(({ layer, head, inductionRank, echoRank }) => {
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
    { ask: 'Show its attention on a probe', empty: 'The shares of both lists are 0.' },
  );

function cutText({ plan }: RazorResult): string {
  const cut = plan.flat().find(({ kind }) => kind !== 'full');
  return cut ? `${headPlanText(cut)}, which ${headPlanWords(cut)}` : 'none';
}
