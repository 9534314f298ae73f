/**
 * What masking does to documents, and which of them are kept (arXiv:2505.07293, section 3).
 *
 * Losses are means over the tokens of a document that are predicted, in nats. AI(x) = (L_ref - L_base) / L_base (equation 5):
 * how much of its loss a document gains when the heads are masked, as a share of that loss. Losses of different sources are not
 * comparable, so documents are ranked within their source alone.
 */
import { quantileSorted } from 'simple-statistics';

export function influenceOf(loss: number, maskedLoss: number): number {
  return loss > 0 ? (maskedLoss - loss) / loss : Number.NaN;
}

/** Documents of `count` that the best `percent` are: rounded up, so that a source of few documents keeps one. */
export const selectedCount = (count: number, percent: number): number => Math.ceil((percent * count) / 100);

export interface Ranking {
  /** From 1 within the source; NaN for what is not ranked. */
  readonly rank: number;
  /** Share of the ranked documents of the source whose influence is at most that of this one. */
  readonly quantile: number;
  readonly selected: boolean;
}

export interface Rankable {
  readonly source?: string;
  readonly influence: number;
  /** The same text came before: it takes no place in the ranking. */
  readonly duplicateOf?: number;
}

const unranked: Ranking = { rank: Number.NaN, quantile: Number.NaN, selected: false };

/** Largest influence first, equal ones in the order of the corpus; documents without an influence and copies are not ranked. */
export function ranked(documents: readonly Rankable[], percent: number): readonly Ranking[] {
  const ranking = documents.map(() => unranked);
  for (const places of bySource(documents).values()) {
    const order = places
      .filter((at) => documents[at]?.duplicateOf === undefined && !Number.isNaN(influenceAt(documents, at)))
      .sort((a, b) => influenceAt(documents, b) - influenceAt(documents, a) || a - b);
    const kept = selectedCount(order.length, percent);
    let equal = 0;
    order.forEach((at, before) => {
      if (influenceAt(documents, at) !== influenceAt(documents, order[before - 1] ?? -1)) equal = before;
      ranking[at] = { rank: before + 1, quantile: (order.length - equal) / order.length, selected: before < kept };
    });
  }
  return ranking;
}

const influenceAt = (documents: readonly Rankable[], at: number): number => documents[at]?.influence ?? Number.NaN;

/** Places of the documents of each source, in the order in which the sources first come; '' is that of those without one. */
export function bySource(documents: readonly Pick<Rankable, 'source'>[]): ReadonlyMap<string, number[]> {
  const places = new Map<string, number[]>();
  documents.forEach(({ source = '' }, at) => {
    const those = places.get(source) ?? [];
    those.push(at);
    places.set(source, those);
  });
  return places;
}

/** Quantile of the values that are numbers; NaN where there is none. */
export function quantileOf(values: readonly number[], share: number): number {
  const rising = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  return rising.length === 0 ? Number.NaN : quantileSorted(rising, share);
}

/** Tokens of a stretch that counts as repeated. */
export const repeatedStretch = 16;

/**
 * Share of the tokens that lie in a stretch of 16 which stood in the document before: boilerplate, which any copying head
 * predicts and which earns a high influence.
 */
export function repeatedShare(ids: ArrayLike<number>): number {
  if (ids.length === 0) return 0;
  const seen = new Set<number>();
  let [repeated, covered] = [0, 0];
  for (let from = 0; from + repeatedStretch <= ids.length; from++) {
    const end = from + repeatedStretch;
    const key = hashOf(ids, from, end);
    if (seen.has(key)) {
      repeated += end - Math.max(from, covered);
      covered = end;
    } else seen.add(key);
  }
  return repeated / ids.length;
}

/** 53 bits: of documents with a million stretches, one in ten thousand has two that are taken for the same by chance. */
function hashOf(ids: ArrayLike<number>, from: number, end: number): number {
  let [one, other] = [0x811c9dc5, 0x9e3779b9];
  for (let at = from; at < end; at++) {
    const id = ids[at] ?? 0;
    one = Math.imul(one ^ id, 0x01000193);
    other = Math.imul(other ^ id, 0x85ebca6b);
    other ^= other >>> 13;
  }
  return (one >>> 0) * 2 ** 21 + (other >>> 11);
}
