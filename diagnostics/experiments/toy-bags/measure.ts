/** What a trained network does with bags that it was not trained on. */
import { cosine } from '../../../kernels/modules/acmil/definition';
import { entropyOf, strongestMass } from '../../../kernels/modules/acmil/pictures';
import type { Network } from '../../../kernels/training/network';
import { areaBelow } from '../../shared/statistics/ranking';
import type { Measures } from '../../shared/training/train';
import type { Parameters, Trainer } from '../../model-runner/trainer';
import type { Bag, BagSize } from './bags';
import { bagBatch, type BagNetwork } from './network';
import { mean } from '../../../kernels/tensors/vectors';

/** A bag as a network sees it. */
export interface SeenBag {
  readonly bag: Bag;
  /** Logit of positive less that of negative. */
  readonly score: number;
  /** [M][n] */
  readonly attention: readonly Float64Array[];
}

export const measureNames = {
  area: 'area',
  mass: 'mass',
  entropy: 'entropy',
  found: 'found',
  cosine: 'cosine',
  covered: 'covered',
} as const;

/** Rank area from which a branch is said to find a pattern (check 8 of the published system). */
export const findsFrom = 0.8;

export async function seenBags(
  trainer: Trainer,
  network: Network,
  parameters: Parameters,
  size: BagSize,
  of: BagNetwork,
  bags: readonly Bag[],
  batch: number,
): Promise<readonly SeenBag[]> {
  const { instances } = size;
  const seen: SeenBag[] = [];
  for (let first = 0; first < bags.length; first += batch) {
    const some = bags.slice(first, first + batch);
    const { outputs } = await trainer.forward(network, parameters, bagBatch(size, of, some));
    const [logits, maps] = [outputs['bag_logits']?.data ?? [], outputs['attention']?.data ?? []];
    some.forEach((bag, at) => {
      const attention = Array.from({ length: of.branches }, (_, branch) =>
        Float64Array.from({ length: instances }, (_n, n) => Number(maps[(at * of.branches + branch) * instances + n])),
      );
      seen.push({ bag, score: Number(logits[2 * at + 1]) - Number(logits[2 * at]), attention });
    });
  }
  return seen;
}

/** Attention of the bag: mean over its branches, [n]. */
const bagAttention = ({ attention }: SeenBag): Float64Array =>
  Float64Array.from({ length: attention[0]?.length ?? 0 }, (_, n) => mean(attention.map((row) => row[n] ?? 0)));

/**
 * [M][P]: how well the attention of a branch ranks the instances of a pattern before the background of the same bag, as the chance
 * that one of the pattern has more (ties half), mean over the bags that have it; NaN where no bag has.
 */
export function patternAreas(
  seen: readonly SeenBag[],
  branches: number,
  patterns: number,
): readonly (readonly number[])[] {
  return Array.from({ length: branches }, (_, branch) =>
    Array.from({ length: patterns }, (_p, pattern) =>
      mean(
        seen.flatMap(({ bag, attention }) => {
          const of = (shown: number): number[] =>
            bag.shows.flatMap((shows, n) => (shows === shown ? [attention[branch]?.[n] ?? 0] : []));
          const area = areaBelow(of(-1), of(pattern));
          return area === undefined ? [] : [area];
        }),
      ),
    ),
  );
}

/** Patterns that stand first in some branch: of all patterns the one that it ranks best, with an area of `findsFrom` or more. */
export function covered(areas: readonly (readonly number[])[]): number {
  const best = areas.flatMap((row) => {
    const most = Math.max(...row);
    return most >= findsFrom ? [row.indexOf(most)] : [];
  });
  return new Set(best).size;
}

export function measuresOf(seen: readonly SeenBag[], branches: number, patterns: number): Measures {
  const positive = seen.filter(({ bag }) => bag.label === 1);
  const scores = (label: number): number[] => seen.flatMap(({ bag, score }) => (bag.label === label ? [score] : []));
  const { area, mass, entropy, found, cosine, covered: name } = measureNames;
  return {
    [area]: areaBelow(scores(0), scores(1)) ?? Number.NaN,
    [mass]: mean(seen.map((each) => strongestMass(bagAttention(each), 10))),
    [entropy]: mean(seen.map((each) => entropyOf(bagAttention(each)))),
    [found]: mean(positive.map(foundShare)),
    ...(branches > 1 ? { [cosine]: mean(seen.map(({ attention }) => meanCosine(attention))) } : {}),
    [name]: covered(patternAreas(positive, branches, patterns)),
  };
}

/** Share of the k strongest instances that show a pattern, where k instances of the bag show one. */
export function foundShare(seen: SeenBag): number {
  const attention = bagAttention(seen);
  const { shows } = seen.bag;
  const sought = shows.filter((pattern) => pattern >= 0).length;
  const order = shows.map((_, n) => n).sort((a, b) => (attention[b] ?? 0) - (attention[a] ?? 0));
  return order.slice(0, sought).filter((n) => (shows[n] ?? -1) >= 0).length / sought;
}

/** Mean over pairs of branches. */
export function meanCosine(rows: readonly Float64Array[]): number {
  return mean(rows.flatMap((a, at) => rows.slice(at + 1).map((b) => cosine(a, b))));
}

/** Share of the attention on the k strongest instances, k = 1 to `most`, mean over bags. */
export function massCurve(seen: readonly SeenBag[], most: number): readonly number[] {
  const sums = new Float64Array(most);
  for (const each of seen) {
    const sorted = bagAttention(each).sort((a, b) => b - a);
    let total = 0;
    for (let k = 0; k < most; k++) {
      total += sorted[k] ?? 0;
      sums[k] = (sums[k] ?? 0) + total / seen.length;
    }
  }
  return [...sums];
}
