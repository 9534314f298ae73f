/** Which heads are masked: those that copy most, or as many others by chance. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import { uniformHeads } from '../../../models/instrument/changes/uniform';
import { random as randomFrom, seedFor } from '../../../kernels/tensors/random';
import type { ModelFacts } from '../../model-runner/model-runner';
import { rankedHeads, type HeadTable } from '../../shared/retrieval/copy-events';
import { sample } from '../../tasks/draft';

export const placesOf = (blocks: ModelFacts['blocks']): readonly HeadPlace[] =>
  blocks.flatMap(({ heads }, layer) => Array.from({ length: heads }, (_, head) => ({ layer, head })));

/** round(percent of all heads), at least 1 (arXiv:2505.07293, section 3: 5 %). */
export const maskedCount = (heads: number, percent: number): number => Math.max(1, Math.round((percent * heads) / 100));

/** The heads of the largest scores; of equal ones those of the lower layer, then of the lower head. */
export const importantHeads = (scores: HeadTable, percent: number): readonly HeadPlace[] =>
  rankedHeads(scores)
    .slice(0, maskedCount(scores.flat().length, percent))
    .map(({ layer, head }) => ({ layer, head }))
    .sort((a, b) => a.layer - b.layer || a.head - b.head);

/** As many of the other heads, or all of them where there are fewer. */
export function randomHeads(
  all: readonly HeadPlace[],
  masked: readonly HeadPlace[],
  { seed, number }: { readonly seed: number; readonly number: number },
): readonly HeadPlace[] {
  const taken = new Set(masked.map(({ layer, head }) => `${layer}.${head}`));
  const others = all.filter(({ layer, head }) => !taken.has(`${layer}.${head}`));
  const random = randomFrom(seedFor(seed, `random heads ${number}`));
  const drawn = sample(random, others, Math.min(masked.length, others.length));
  return [...drawn].sort((a, b) => a.layer - b.layer || a.head - b.head);
}

/**
 * The reference model: the masked heads read all that they may read alike (Appendix C has 1/L for a sequence of L tokens; of a
 * causal model, 1/(t+1) at position t, so that nothing of the future is read).
 */
export const masking = (variant: Variant, heads: readonly HeadPlace[]): Variant =>
  heads.length === 0 ? variant : [...variant, ...uniformHeads(heads)];
