/** The result of the analysis `span-retrieval`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import {
  count,
  figure,
  flag,
  list,
  number,
  numbers,
  object,
  text,
  texts,
  whole,
} from '../../../protocol/schema/fields';
import { mostLayers } from '../../../protocol/schema/parts';
import { chanceOf, figuresOf, signTest, type Figures, type Ranks } from './retrieve';

/** The stream that has passed so many layers. */
export interface Depth {
  readonly depth: number;
  /** First texts look for second ones, and the other way round. */
  readonly forward: Figures;
  readonly back: Figures;
}

export interface RankedPair {
  readonly first: string;
  readonly second: string;
  /** Rank of the second text for the first, at depth 0 and at the best depth. */
  readonly embedding: number;
  readonly best: number;
}

interface Fields {
  readonly centred: boolean;
  /** M. */
  readonly bank: number;
  /** From 0, the embeddings. */
  readonly depths: readonly Depth[];
  readonly chance: { readonly recall: number; readonly mrr: number };
  /** The depth with the largest R@1 of first texts, of equals that of the larger MRR. */
  readonly best: number;
  /** Pairs found at that depth and not at depth 0, and the other way round. */
  readonly gained: number;
  readonly lost: number;
  /** p of the sign test of these, times the layers among which the best was chosen (Bonferroni); at most 1. */
  readonly p: number;
  /** Ranks [depths][pairs] of first texts, and of second ones. */
  readonly forward: readonly (readonly number[])[];
  readonly back: readonly (readonly number[])[];
  /** Those found last first. */
  readonly pairs: readonly RankedPair[];
  readonly notes: readonly string[];
}

export interface SpanResult extends Fields, Readonly<Record<string, unknown>> {}
type Named = Pick<Fields, keyof Fields>;

const figures: Schema<Figures> = object<Figures>({
  recall: number,
  low: number,
  high: number,
  mrr: number,
  mrrLow: figure,
  mrrHigh: figure,
});
const depths = { most: mostLayers + 1 };
const ranks = list(numbers, 'a list of depths', depths);

export const spanResult: Schema<SpanResult> = object<Named>({
  centred: flag,
  bank: count,
  depths: list(object<Depth>({ depth: whole, forward: figures, back: figures }), 'a list of depths', depths),
  chance: object<Fields['chance']>({ recall: number, mrr: number }),
  best: whole,
  gained: whole,
  lost: whole,
  p: number,
  forward: ranks,
  back: ranks,
  pairs: list(object<RankedPair>({ first: text, second: text, embedding: number, best: number })),
  notes: texts,
});

export function spanResultOf(
  ranked: readonly Ranks[],
  names: readonly (readonly [string, string])[],
  { centred, notes }: Pick<Fields, 'centred' | 'notes'>,
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
