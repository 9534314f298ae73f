/** The sets of heads that are masked: those of the highest scores, as many others at random, and those that a person chose. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { random, seedFor } from '../../../kernels/tensors/random';
import type { ModelFacts } from '../../model-runner/model-runner';
import { rankedHeads, retrievalThreshold, type HeadTable } from '../../shared/retrieval/copy-events';
import { sample } from '../../tasks/draft';

export const setKinds = ['top', 'random', 'chosen'] as const;

export interface PlannedSet {
  readonly kind: (typeof setKinds)[number];
  /** `top 4`, `random 4`, `random 4, draw 2`, `chosen`. */
  readonly name: string;
  readonly count: number;
}

export interface HeadSet extends PlannedSet {
  readonly heads: readonly HeadPlace[];
}

interface Asked {
  readonly masked: string;
  /** Random sets for each number of heads. */
  readonly random: number;
  readonly chosen: readonly HeadPlace[];
}

type Planned =
  | { readonly ok: true; readonly sets: readonly PlannedSet[] }
  | { readonly ok: false; readonly why: string };

/** What will be masked, before scores are known. */
export function plannedSets({ blocks }: Pick<ModelFacts, 'blocks'>, { masked, random: draws, chosen }: Asked): Planned {
  const all = blocks.reduce((sum, { heads }) => sum + heads, 0);
  const counts = new Set<number>();
  for (const part of masked.split(',').map((each) => each.trim())) {
    if (part === '') continue;
    const [, number = '', percent] = /^(\d+(?:\.\d+)?)\s*(%?)$/u.exec(part) ?? [];
    const count = percent === '%' ? Math.max(1, Math.round((Number(number) / 100) * all)) : Number(number);
    if (number === '' || !Number.isInteger(count) || count < 1 || count > all) {
      const why = `"${part.slice(0, 40)}" is no number of the ${all} heads to mask. Write whole numbers or shares, e.g. 2, 4, 10%.`;
      return { ok: false, why };
    }
    counts.add(count);
  }
  const sets = [...counts]
    .sort((a, b) => a - b)
    .flatMap((count): PlannedSet[] => [
      { kind: 'top', name: `top ${count}`, count },
      ...Array.from({ length: draws }, (_, draw): PlannedSet => {
        const name = draw === 0 ? `random ${count}` : `random ${count}, draw ${draw + 1}`;
        return { kind: 'random', name, count };
      }),
    ]);
  const own: PlannedSet[] = chosen.length > 0 ? [{ kind: 'chosen', name: 'chosen', count: chosen.length }] : [];
  return { ok: true, sets: [...sets, ...own] };
}

/** Undefined where it cannot be made: there are no scores, or not as many others. */
export function headSet(
  planned: PlannedSet,
  all: readonly PlannedSet[],
  {
    scores,
    chosen,
    seed,
  }: { readonly scores: HeadTable; readonly chosen: readonly HeadPlace[]; readonly seed: number },
): HeadSet | undefined {
  const { kind, name, count } = planned;
  const ranked = rankedHeads(scores).map(({ layer, head, score }) => ({ layer, head, score }));
  const places = (heads: readonly HeadPlace[]): HeadSet => ({
    ...planned,
    heads: heads.map(({ layer, head }) => ({ layer, head })),
  });
  switch (kind) {
    case 'chosen':
      return places(chosen);
    case 'top':
      return ranked.length < count ? undefined : places(ranked.slice(0, count));
    case 'random': {
      // None of the heads that any set masks for their score and no retrieval head; where these leave too few, none of this K.
      const most = Math.max(...all.filter((one) => one.kind === 'top').map((one) => one.count));
      const retrieval = ranked.filter(({ score }) => score > retrievalThreshold).length;
      const others = [Math.max(most, retrieval), count].map((from) => ranked.slice(from));
      const pool = others.find((one) => one.length >= count);
      return pool && places(sample(random(seedFor(seed, name)), pool, count));
    }
  }
}
