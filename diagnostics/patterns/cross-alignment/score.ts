/** What is made of the links of every head: agreement with a gold alignment, order, and a null of exchanged places. */
import { random } from '../../../kernels/tensors/random';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { quantile } from '../../shared/statistics/quantile';
import { spearman } from '../../shared/statistics/correlation';
import { permutedLinks, type Moment } from './align';
import { addedCounts, agreementOf, countsOf, noCounts, type Counts, type GoldLink, type Link } from './links';

/** The links of one head, or of a mean of heads, in every text. */
export type LinksOfTexts = readonly (readonly Link[])[];

export interface GoldText {
  /** Words of the source: places that are exchanged. */
  readonly sourceWords: number;
  readonly gold?: readonly GoldLink[];
}

/** Over the texts that have a gold alignment. */
export function countsOfTexts(found: LinksOfTexts, texts: readonly GoldText[]): Counts {
  return texts.reduce(
    (sum, { gold }, at) => (gold ? addedCounts(sum, countsOf(found[at] ?? [], gold)) : sum),
    noCounts,
  );
}

/** Mean over texts of the rank correlation of target and source places; texts of fewer than three links have none. */
export function orderOf(found: LinksOfTexts): number {
  const own = found
    .filter((links) => links.length >= 3)
    .map(
      (links) =>
        spearman(
          links.map(({ target }) => target),
          links.map(({ source }) => source),
        ).r,
    )
    .filter((value) => !Number.isNaN(value));
  return own.length === 0 ? Number.NaN : own.reduce((sum, value) => sum + value, 0) / own.length;
}

export interface Candidate extends HeadPlace {
  readonly moment: Moment;
  readonly links: LinksOfTexts;
}

export interface Null {
  readonly mean: number;
  readonly sd: number;
  /** The 5 % quantile of the lowest AER of a permutation. */
  readonly lowest: number;
  /** The lowest AER of all candidates in each permutation. */
  readonly minima: readonly number[];
}

/** In each permutation the words of every source are exchanged, for all heads alike: what heads have in common stays. */
export function permutationNull(
  candidates: readonly Candidate[],
  texts: readonly GoldText[],
  permutations: number,
  seed: number,
): Null | undefined {
  if (permutations === 0 || candidates.length === 0 || texts.every(({ gold }) => gold === undefined)) return undefined;
  const draw = random(seed);
  const minima: number[] = [];
  let [sum, squares, drawn] = [0, 0, 0];
  for (let each = 0; each < permutations; each++) {
    const orders = texts.map(({ sourceWords }) => shuffled(sourceWords, draw));
    let lowest = Infinity;
    for (const { links } of candidates) {
      const moved = links.map((own, text) => permutedLinks(own, orders[text] ?? []));
      const { aer } = agreementOf(countsOfTexts(moved, texts));
      if (Number.isNaN(aer)) continue;
      [sum, squares, drawn] = [sum + aer, squares + aer ** 2, drawn + 1];
      lowest = Math.min(lowest, aer);
    }
    minima.push(lowest);
  }
  const mean = sum / drawn;
  const sd = Math.sqrt(Math.max(0, squares / drawn - mean ** 2));
  return { mean, sd, lowest: quantile(minima, 0.05), minima };
}

export const shareAsLow = (aer: number, none: Null | undefined): number =>
  none && !Number.isNaN(aer)
    ? (1 + none.minima.filter((lowest) => lowest <= aer + 1e-12).length) / (1 + none.minima.length)
    : Number.NaN;

function shuffled(count: number, draw: ReturnType<typeof random>): readonly number[] {
  const order = Array.from({ length: count }, (_, at) => at);
  for (let at = count - 1; at > 0; at--) {
    const other = draw.whole(at + 1);
    [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
  }
  return order;
}
