/** Two results side by side: whether two models, or two choices of heads, select the same documents. */
import { sampleRankCorrelation } from 'simple-statistics';
import type { Section } from '../../../protocol/sections/section';
import { bySource } from './influence';
import type { DocumentResult, InfluenceResult } from './result';
import { documentName, sourceTitle } from './words';

const mostMoved = 100;

interface Pair {
  readonly a: DocumentResult;
  readonly b: DocumentResult;
}

export function compare(a: InfluenceResult, b: InfluenceResult): readonly Section[] {
  if (a.corpus.sha256 !== b.corpus.sha256) {
    return [
      {
        kind: 'text',
        id: 'other-corpus',
        title: 'Two corpora',
        paragraphs: ['The two results are of different documents, so ranks are not compared.'],
      },
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
  return {
    kind: 'table',
    id: 'agreement',
    title: 'Agreement of the two rankings',
    empty: 'No document is ranked in both.',
    columns: [
      { name: 'source', title: 'Source', kind: 'text' },
      { name: 'documents', title: 'Documents', kind: 'number', unit: '', definition: 'Ranked in both.', digits: 9 },
      {
        name: 'spearman',
        title: 'Rank correlation',
        kind: 'number',
        unit: '',
        definition: 'Spearman’s: 1 for the same order, 0 for none in common.',
      },
      { name: 'both', title: 'Selected in both', kind: 'number', unit: '', definition: 'Documents.', digits: 9 },
      {
        name: 'first',
        title: 'Other only',
        kind: 'number',
        unit: '',
        definition: 'Selected in the other result alone.',
        digits: 9,
      },
      {
        name: 'second',
        title: 'This only',
        kind: 'number',
        unit: '',
        definition: 'Selected in this result alone.',
        digits: 9,
      },
    ],
    rows: [...bySource(pairs.map(({ a }) => a))].map(([source, places]) => {
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
  };
}

function moved(pairs: readonly Pair[]): Section {
  const byMove = [...pairs]
    .map((pair) => ({ ...pair, by: pair.b.quantile - pair.a.quantile }))
    .filter(({ by }) => by !== 0)
    .sort((one, other) => Math.abs(other.by) - Math.abs(one.by))
    .slice(0, mostMoved);
  return {
    kind: 'table',
    id: 'moved',
    title: 'Documents that moved most',
    empty: 'Every document has the same place in both rankings.',
    columns: [
      { name: 'document', title: 'Document', kind: 'text' },
      {
        name: 'by',
        title: 'Change of place',
        kind: 'number',
        unit: '',
        definition: 'Share of the documents of its source that rank below it, this result less the other.',
      },
      {
        name: 'first',
        title: 'Influence, other',
        kind: 'number',
        unit: '',
        definition: '(L masked - L plain) / L plain',
      },
      {
        name: 'second',
        title: 'Influence, this',
        kind: 'number',
        unit: '',
        definition: '(L masked - L plain) / L plain',
      },
      { name: 'start', title: 'Begins with', kind: 'text' },
    ],
    rows: byMove.map(({ a, b, by }) => [documentName(a), by, a.influence, b.influence, a.start]),
  };
}
