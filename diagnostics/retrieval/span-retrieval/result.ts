/** The result of the analysis `span-retrieval`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { count, flag, list, number, numbers, object, text, texts, whole } from '../../../protocol/schema/fields';
import { mostLayers } from '../../../protocol/schema/parts';
import { figures, chanceOf, figuresOf, signTest, type Ranks } from './retrieve';

const depths = { most: mostLayers + 1 };
const ranks = list(numbers, 'a list of depths', depths);

/** The stream that has passed so many layers. */
const depth = object({
  depth: whole,
  /** First texts look for second ones, and the other way round. */
  forward: figures,
  back: figures,
});
export type Depth = Output<typeof depth>;

const rankedPair = object({
  first: text,
  second: text,
  /** Rank of the second text for the first, at depth 0 and at the best depth. */
  embedding: number,
  best: number,
});
type RankedPair = Output<typeof rankedPair>;

export const spanResult = object({
  centred: flag,
  /** M. */
  bank: count,
  /** From 0, the embeddings. */
  depths: list(depth, 'a list of depths', depths),
  chance: object({ recall: number, mrr: number }),
  /** The depth with the largest R@1 of first texts, of equals that of the larger MRR. */
  best: whole,
  /** Pairs found at that depth and not at depth 0, and the other way round. */
  gained: whole,
  lost: whole,
  /** p of the sign test of these, times the layers among which the best was chosen (Bonferroni); at most 1. */
  p: number,
  /** Ranks [depths][pairs] of first texts, and of second ones. */
  forward: ranks,
  back: ranks,
  /** Those found last first. */
  pairs: list(rankedPair),
  notes: texts,
});
export type SpanResult = Output<typeof spanResult>;

export function spanResultOf(
  ranked: readonly Ranks[],
  names: readonly (readonly [string, string])[],
  { centred, notes }: Pick<SpanResult, 'centred' | 'notes'>,
): SpanResult {
  const all = ranked.map(({ forward, back }, depth): Depth => ({
    depth,
    forward: figuresOf(forward),
    back: figuresOf(back),
  }));
  const best = all.reduce((found, one) => {
    const [a, b] = [found.forward, one.forward];
    return b.recall > a.recall || (b.recall === a.recall && b.mrr > a.mrr) ? one : found;
  }).depth;
  const [at0, atBest] = [ranked[0]!.forward, ranked[best]!.forward];
  const gained = atBest.filter((rank, i) => rank <= 1 && at0[i]! > 1).length;
  const lost = atBest.filter((rank, i) => rank > 1 && at0[i]! <= 1).length;
  return {
    ...{ centred, bank: names.length, depths: all, chance: chanceOf(names.length), best, gained, lost },
    p: Math.min(1, signTest(gained, lost) * Math.max(1, ranked.length - 1)),
    forward: ranked.map(({ forward }) => forward),
    back: ranked.map(({ back }) => back),
    pairs: names
      .map(([first, second], i): RankedPair => ({ first, second, embedding: at0[i]!, best: atBest[i]! }))
      .sort((a, b) => b.best - a.best || b.embedding - a.embedding),
    notes,
  };
}
