import { type HeadPlace, headName } from '../../../protocol/schema/written-form';
import type { DocumentResult, InfluenceResult } from './result';

export const counted = (count: number, one: string, more = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : more}`;

const mostNamed = 6;

/** `L1H0-3, L2H7 and 3 more`; the heads are in order. */
export function headsInWords(heads: readonly HeadPlace[]): string {
  const runs: { first: HeadPlace; last: number }[] = [];
  for (const place of heads) {
    const run = runs.at(-1);
    if (run?.first.layer === place.layer && run.last + 1 === place.head) run.last = place.head;
    else runs.push({ first: place, last: place.head });
  }
  const named = runs.slice(0, mostNamed);
  const left = runs.slice(mostNamed).reduce((sum, { first, last }) => sum + 1 + last - first.head, 0);
  const words = named.map(({ first, last }) => headName(first) + (last > first.head ? `-${last}` : '')).join(', ');
  return left > 0 ? `${words} and ${left} more` : words;
}

/** A change as `+12.3 %`. */
export function signed(share: number): string {
  const value = Number((100 * share).toPrecision(3));
  return Number.isNaN(value) ? 'no number' : `${value < 0 ? '' : '+'}${value.toLocaleString('en-US')} %`;
}

/** Sources that have a name, or that there are several. */
export const sourcesNamed = ({ sources = [] }: Partial<InfluenceResult>): boolean =>
  sources.length > 1 || sources.some(({ source }) => source !== '');

export const sourceTitle = (source: string): string => (source === '' ? 'no source' : source);

/** `#12 essays/a.txt`, counted from 1 as a person counts lines. */
export const documentName = ({ index, id }: Pick<DocumentResult, 'index' | 'id'>): string =>
  id === undefined ? `#${index + 1}` : `#${index + 1} ${id}`;

/** By source, in each the best first; then what is not ranked. The rows of the table, which a question names. */
export function inOrder({ documents = [], sources = [] }: Partial<InfluenceResult>): readonly DocumentResult[] {
  const place = new Map(sources.map(({ source }, at) => [source, at]));
  const rankOf = ({ rank }: DocumentResult): number => (Number.isNaN(rank) ? Infinity : rank);
  const placeOf = ({ source = '' }: DocumentResult): number => place.get(source) ?? 0;
  return [...documents].sort((a, b) => {
    const [one, other] = [rankOf(a), rankOf(b)];
    return placeOf(a) - placeOf(b) || (one === other ? 0 : one - other) || a.index - b.index;
  });
}
