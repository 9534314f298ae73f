/**
 * Examples of what one head reads, of which few are kept while documents pass by.
 *
 * Every query i of a document gives at most one example: the key j with the largest attention weight p(i, j) among those that are
 * neither the first row nor i itself; the earlier of equal ones. Most heads rest on the first row, and many on the query's own,
 * where they have nothing to read: both say where a head looks when it does nothing. A query whose weights on all other keys are 0
 * gives none.
 *
 * The strength s of an example is in (0, 1]:
 * - weight: p(i, j);
 * - value: p(i, j) |v_j| / max_r |v_r|, the largest over all rows r of the document, v the values of the head before the output
 *   projection (Kobayashi et al. 2020, arXiv:2004.10102, section 2, without that projection). The key is still the one with the largest
 *   weight.
 *
 * Kept of each head:
 * - strongest: the largest strengths, at most `perDocument` of one document; of equal ones the earlier document and query;
 * - random: every query has a random number from the seed and its document, and the smallest are kept (bottom-k sampling). They are
 *   drawn uniformly from all examples of the head, and all heads have the same queries as far as these give an example;
 * - counts of strengths in `bins` intervals [b / bins, (b + 1) / bins), the last with 1, and for each the example with the smallest random number. So a decile is
 *   known to be in one interval, and its example differs from the exact decile by less than 1 / bins.
 *
 * What is kept of two sets of documents is what is kept of what was kept of each: documents can be read one by one and joined later.
 */

export interface Pair {
  readonly query: number;
  readonly key: number;
  readonly strength: number;
}

interface Example extends Pair {
  readonly document: number;
}

export interface Ranked extends Example {
  /** Uniform in [0, 1): the same for a query of a document in every head. */
  readonly priority: number;
}

/** Intervals of strength. */
export const bins = 100;
export const binOf = (strength: number): number => Math.min(bins - 1, Math.floor(strength * bins));

export interface Limits {
  readonly strongest: number;
  readonly perDocument: number;
  readonly random: number;
}

/** What is kept of a head. */
export interface Kept<Of extends Ranked = Ranked> {
  /** Strongest first. */
  readonly strongest: readonly Of[];
  /** Smallest random number first. */
  readonly random: readonly Of[];
  /** [bins]; undefined where no example is in the interval. */
  readonly ofBins: readonly (Of | undefined)[];
}

export const nothing: Kept<never> = { strongest: [], random: [], ofBins: [] };

const strongerFirst = (a: Ranked, b: Ranked): number =>
  b.strength - a.strength || a.document - b.document || a.query - b.query;
const luckierFirst = (a: Ranked, b: Ranked): number =>
  a.priority - b.priority || a.document - b.document || a.query - b.query;

/** What is kept with further examples, whose documents are others than those before. */
export function joined<Of extends Ranked>(before: Kept<Of>, further: readonly Of[], limits: Limits): Kept<Of> {
  const ofBins = Array.from({ length: bins }, (_, bin) => before.ofBins[bin]);
  for (const one of further) {
    const bin = binOf(one.strength);
    const other = ofBins[bin];
    if (!other || luckierFirst(one, other) < 0) ofBins[bin] = one;
  }
  const taken = new Map<number, number>();
  const strongest = [...before.strongest, ...further].sort(strongerFirst).filter(({ document }) => {
    const count = (taken.get(document) ?? 0) + 1;
    taken.set(document, count);
    return count <= limits.perDocument;
  });
  return {
    strongest: strongest.slice(0, limits.strongest),
    random: [...before.random, ...further].sort(luckierFirst).slice(0, limits.random),
    ofBins,
  };
}

/** Everything that is kept, each example once. */
export const examplesIn = <Of extends Ranked>({ strongest, random, ofBins }: Kept<Of>): readonly Of[] => [
  ...new Set([...strongest, ...random, ...ofBins.filter((one) => one !== undefined)]),
];

/**
 * The interval that holds a quantile: of n strengths the one of rank ceil(q n) from below, at least 1. Undefined where nothing was
 * counted.
 */
export function binOfQuantile(counts: readonly number[], quantile: number): number | undefined {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all === 0) return undefined;
  const rank = Math.max(1, Math.ceil(quantile * all));
  let below = 0;
  const found = counts.findIndex((count) => (below += count) >= rank);
  return found < 0 ? undefined : found;
}

/** The keys that a row of one head reads most, largest first. */
export interface ReadKeys {
  /** [n][h][k]; -1 where a query reads fewer. */
  readonly keys: ArrayLike<number>;
  readonly weights: ArrayLike<number>;
  readonly heads: number;
  readonly k: number;
}

/** The examples of a document in one head; `norms`: of each row's value over the largest. With k of at least 3 no key is missed. */
export function pairsOf(
  { keys, weights, heads, k }: ReadKeys,
  head: number,
  norms?: ArrayLike<number>,
): readonly Pair[] {
  if (k < 3) throw new RangeError('the first row and the query itself may be two of the keys');
  const pairs: Pair[] = [];
  const rows = keys.length / (heads * k);
  for (let query = 0; query < rows; query++) {
    for (let slot = 0; slot < k; slot++) {
      const at = (query * heads + head) * k + slot;
      const [key, weight] = [keys[at] ?? -1, weights[at] ?? 0];
      if (key <= 0 || key === query) continue;
      const strength = Math.fround(Math.min(1, weight * (norms?.[key] ?? 1)));
      if (strength > 0) pairs.push({ query, key, strength });
      break;
    }
  }
  return pairs;
}

/** Keys of an example of which the weight is kept; weights are kept in whole steps, so that a key takes four bytes. */
const mostRead = 4;
const steps = 50_000;

export interface Read {
  /** The keys that the query reads most, the first row and its own among them, largest weight first. */
  readonly keys: readonly number[];
  /** p(query, key) of each, within half of 1 / 50,000. */
  readonly weights: readonly number[];
}

/** Packed: `mostRead` keys and their weights in steps; a weight of 0 stands for no key. Documents have at most 65,536 rows. */
export function packedRead({ keys, weights, heads, k }: ReadKeys, head: number, query: number): readonly number[] {
  const first = (query * heads + head) * k;
  const slots = Array.from({ length: mostRead }, (_, slot) => {
    const key = slot < k ? (keys[first + slot] ?? -1) : -1;
    const weight = key < 0 ? 0 : Math.round(Math.min(1, weights[first + slot] ?? 0) * steps);
    return { key: Math.max(0, key), weight };
  });
  return [...slots.map(({ key }) => key), ...slots.map(({ weight }) => weight)];
}

/** Numbers of a packed reading. */
export const packedSize = 2 * mostRead;

export function unpackedRead(packed: ArrayLike<number>): Read {
  const slots = Array.from({ length: mostRead }, (_, at) => ({
    key: packed[at] ?? 0,
    weight: (packed[mostRead + at] ?? 0) / steps,
  })).filter(({ weight }) => weight > 0);
  return { keys: slots.map(({ key }) => key), weights: slots.map(({ weight }) => weight) };
}
