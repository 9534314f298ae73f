import { mean } from '../../../kernels/tensors/vectors';
/** How far the heads that keep everything are the same on different prompts. */

/** By prompt: [layers] of heads. */
export type HeadSets = readonly (readonly number[])[];

/** Layers in which some heads keep everything and some do not: the others say nothing. */
const telling = (sets: HeadSets, heads: readonly number[]): readonly number[] =>
  heads.flatMap((count, layer) => {
    const size = sets[layer]?.length ?? 0;
    return size > 0 && size < count ? [layer] : [];
  });

/**
 * Share of the heads of one prompt that are in the set of another too: sum over layers of |A and B| over the sum of |A|. All prompts have as
 * many in a layer. `heads`: of each layer.
 */
export function overlapOf(a: HeadSets, b: HeadSets, heads: readonly number[]): number {
  const layers = telling(a, heads);
  const size = layers.reduce((sum, layer) => sum + (a[layer]?.length ?? 0), 0);
  const both = layers.reduce(
    (sum, layer) => sum + (a[layer] ?? []).filter((head) => b[layer]?.includes(head)).length,
    0,
  );
  return both / size;
}

/** The same of sets drawn at random: sum over layers of f^2 / n over the sum of f. */
export function chanceOf(sets: HeadSets, heads: readonly number[]): number {
  const layers = telling(sets, heads);
  const sizes = layers.map((layer) => sets[layer]?.length ?? 0);
  const both = layers.reduce((sum, layer, at) => sum + (sizes[at] ?? 0) ** 2 / (heads[layer] ?? 1), 0);
  return both / sizes.reduce((sum, size) => sum + size, 0);
}

/** [groups][groups]: mean over pairs of different prompts. */
export function overlapMatrix(
  groups: readonly (readonly HeadSets[])[],
  heads: readonly number[],
): readonly (readonly number[])[] {
  return groups.map((own, row) =>
    groups.map((others, column) =>
      mean(
        own.flatMap((one, a) =>
          others.flatMap((other, b) => (row === column && a === b ? [] : [overlapOf(one, other, heads)])),
        ),
      ),
    ),
  );
}
