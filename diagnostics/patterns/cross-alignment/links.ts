/**
 * Alignments as sets of links between places of a source and of a target, counted from 0, and how one agrees with another.
 *
 * The written form is that of Pharaoh: `0-0 1-2` joins place 0 of the source with place 0 of the target, and 1 with 2. A link that may
 * be left out is written `1p2` or `1?2`.
 *
 * A gold alignment has sure links S and possible ones P, and every sure link is possible too. Of found links A (Och and Ney 2003, "A
 * Systematic Comparison of Various Statistical Alignment Models", section 6):
 *   precision = |A and P| / |A|
 *   recall    = |A and S| / |S|
 *   AER       = 1 - (|A and S| + |A and P|) / (|A| + |S|)
 * 0 is the best AER and 1 the worst.
 */
export interface Link {
  /** Places from 0. */
  readonly source: number;
  readonly target: number;
}

export interface GoldLink extends Link {
  readonly sure: boolean;
}

export interface Agreement {
  readonly aer: number;
  /** NaN where no link was found. */
  readonly precision: number;
  /** NaN where no link is sure. */
  readonly recall: number;
}

/** Sizes of the sets, which are summed over pairs of texts before they are divided. */
export interface Counts {
  readonly found: number;
  readonly sure: number;
  readonly foundSure: number;
  readonly foundPossible: number;
}

export const noCounts: Counts = { found: 0, sure: 0, foundSure: 0, foundPossible: 0 };

const written = /^(\d{1,6})([-p?])(\d{1,6})$/u;

/** The links, or the first word that is none. */
export function parseLinks(text: string): { readonly links: readonly GoldLink[] } | { readonly fault: string } {
  const links: GoldLink[] = [];
  for (const word of text.split(/\s+/u).filter((each) => each !== '')) {
    const [, source, mark, target] = written.exec(word) ?? [];
    if (source === undefined || target === undefined) return { fault: word };
    links.push({ source: Number(source), target: Number(target), sure: mark === '-' });
  }
  return { links };
}

export const linksText = (links: readonly Link[]): string =>
  links.map(({ source, target }) => `${source}-${target}`).join(' ');

const keyOf = ({ source, target }: Link): string => `${source}-${target}`;

export function countsOf(found: readonly Link[], gold: readonly GoldLink[]): Counts {
  const possible = new Set(gold.map(keyOf));
  const sure = new Set(gold.filter((link) => link.sure).map(keyOf));
  const own = new Set(found.map(keyOf));
  const among = (set: ReadonlySet<string>): number => [...own].filter((key) => set.has(key)).length;
  return { found: own.size, sure: sure.size, foundSure: among(sure), foundPossible: among(possible) };
}

export const addedCounts = (a: Counts, b: Counts): Counts => ({
  found: a.found + b.found,
  sure: a.sure + b.sure,
  foundSure: a.foundSure + b.foundSure,
  foundPossible: a.foundPossible + b.foundPossible,
});

export const agreementOf = ({ found, sure, foundSure, foundPossible }: Counts): Agreement => ({
  aer: 1 - (foundSure + foundPossible) / (found + sure),
  precision: foundPossible / found,
  recall: foundSure / sure,
});
