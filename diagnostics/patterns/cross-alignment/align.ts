/**
 * Alignments out of cross-attention. p(r, s) is what row r of the decoder gives token s of the source. Row r reads token r of the
 * decoder and predicts token r + 1, so that a target token t can be aligned by two rows (Kobayashi et al. 2020, arXiv:2004.10102,
 * section 5; Chen et al. 2020, "Accurate Word Alignment Induction from Neural Machine Translation", arXiv:2004.14837, section 3):
 *   writing: row t - 1, which predicts the token ("attention with output", "naive")
 *   reading: row t, whose input the token is ("attention with input", "shifted")
 *
 * For words of several tokens: the share that a token gives a word of the source is the sum over its tokens, and the share that a word
 * of the target gives is the mean over its own (Clark et al. 2019, arXiv:1906.04341, section 4.1). Tokens of the source that belong to
 * no word, such as its end, take no links.
 */
import type { Link } from './links';
import type { Words } from './words';

export const moments = ['writing', 'reading'] as const;
export type Moment = (typeof moments)[number];

/** [words of the target][words of the source] */
export type WordShares = readonly (readonly number[])[];

/** `map`: [rows, tokens of the source], row-major. Words that no row writes are rows of zeros. */
export function wordShares(
  map: Float32Array,
  { source, target, moment }: { readonly source: Words; readonly target: Words; readonly moment: Moment },
): WordShares {
  const width = source.of.length;
  const rows = map.length / width;
  const sums = target.texts.map(() => source.texts.map(() => 0));
  const counted = target.texts.map(() => 0);
  target.of.forEach((word, token) => {
    const row = moment === 'writing' ? token - 1 : token;
    const own = sums[word];
    if (own === undefined || row < 0 || row >= rows) return;
    counted[word]! += 1;
    source.of.forEach((to, at) => {
      if (to >= 0) own[to]! += map[row * width + at] ?? 0;
    });
  });
  return sums.map((own, word) => own.map((sum) => sum / Math.max(1, counted[word] ?? 1)));
}

/** A word of the target is joined with the word of the source that it reads most, the first of equals. */
export const bestLinks = (shares: WordShares): readonly Link[] =>
  shares.flatMap((own, target) => {
    const most = Math.max(0, ...own);
    return most > 0 ? [{ source: own.indexOf(most), target }] : [];
  });

/** Every pair of at least this share is a link. */
export const linksFrom = (shares: WordShares, threshold: number): readonly Link[] =>
  shares.flatMap((own, target) => own.flatMap((share, source) => (share >= threshold ? [{ source, target }] : [])));

export function meanShares(all: readonly WordShares[]): WordShares {
  const [first = []] = all;
  return first.map((own, target) =>
    own.map((_, source) => all.reduce((sum, each) => sum + (each[target]?.[source] ?? 0), 0) / all.length),
  );
}

/** With places of the source exchanged: column s stands at order[s]. */
export const permutedLinks = (links: readonly Link[], order: readonly number[]): readonly Link[] =>
  links.map(({ source, target }) => ({ source: order[source] ?? source, target }));
