/** Two results side by side: whether two models, or two choices of heads, select the same documents. */
import { sampleRankCorrelation } from 'simple-statistics';
import type { Section } from '../../../protocol/sections/section';
import { bySource } from './influence';
import type { DocumentResult, InfluenceResult } from './result';
import { documentName, sourceTitle } from './words';
import * as build from '../../../protocol/sections/builders';

const mostMoved = 100;

interface Pair {
  readonly a: DocumentResult;
  readonly b: DocumentResult;
}

export function compare(a: InfluenceResult, b: InfluenceResult): readonly Section[] {
  if (a.corpus.sha256 !== b.corpus.sha256) {
    return [
      build.paragraphs('other-corpus', 'Two corpora', [
        'The two results are of different documents, so ranks are not compared.',
      ]),
    ];
  }
  const others = new Map(b.documents.map((document) => [document.index, document]));
  const pairs = a.documents.flatMap((one): Pair[] => {
    const other = others.get(one.index);
    return other && !Number.isNaN(one.rank) && !Number.isNaN(other.rank) ? [{ a: one, b: other }] : [];
  });
  return [agreement(pairs), moved(pairs)];
}

function agreement(pairs: readonly Pair[]): Section {
  return build.cellTable(
    'agreement',
    'Agreement of the two rankings',
    '',
    [
      build.text('source', 'Source'),
      { ...build.number('documents', 'Documents', 'Ranked in both.'), digits: 9 },
      build.number('spearman', 'Rank correlation', 'Spearman’s: 1 for the same order, 0 for none in common.'),
      { ...build.number('both', 'Selected in both', 'Documents.'), digits: 9 },
      { ...build.number('first', 'Other only', 'Selected in the other result alone.'), digits: 9 },
      { ...build.number('second', 'This only', 'Selected in this result alone.'), digits: 9 },
    ],
    [...bySource(pairs.map(({ a }) => a))].map(([source, places]) => {
      const those = places.flatMap((at) => pairs[at] ?? []);
      const influences = (of: (pair: Pair) => DocumentResult): number[] => those.map((pair) => of(pair).influence);
      const [first, second] = [influences(({ a }) => a), influences(({ b }) => b)];
      const correlation = those.length < 2 ? Number.NaN : sampleRankCorrelation(first, second);
      const chosen = (first: boolean, second: boolean): number =>
        those.filter(({ a, b }) => a.selected === first && b.selected === second).length;
      return [
        sourceTitle(source),
        those.length,
        Number.isNaN(correlation) ? null : correlation,
        chosen(true, true),
        chosen(true, false),
        chosen(false, true),
      ];
    }),
    { empty: 'No document is ranked in both.' },
  );
}

function moved(pairs: readonly Pair[]): Section {
  const byMove = [...pairs]
    .map((pair) => ({ ...pair, by: pair.b.quantile - pair.a.quantile }))
    .filter(({ by }) => by !== 0)
    .sort((one, other) => Math.abs(other.by) - Math.abs(one.by))
    .slice(0, mostMoved);
  return build.table(
    'moved',
    'Documents that moved most',
    '',
    byMove,
    [
      build.text('document', 'Document', ({ a }) => documentName(a)),
      build.number(
        'by',
        'Change of place',
        'Share of the documents of its source that rank below it, this result less the other.',
      ),
      build.number('first', 'Influence, other', '(L masked - L plain) / L plain', ({ a }) => a.influence),
      build.number('second', 'Influence, this', '(L masked - L plain) / L plain', ({ b }) => b.influence),
      build.text('start', 'Begins with', ({ a }) => a.start),
    ],
    { empty: 'Every document has the same place in both rankings.' },
  );
}
