/** What heads cost, and which are taken away. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { ModelFacts } from '../../model-runner/model-runner';

/**
 * Multiply-adds of one token in the attention of a layer with so many keys, by head: query and output projection 2 w d, scores and
 * sums 2 n d. A key/value head is 2 w d more and goes when all its query heads do.
 */
export function savedShare(
  { blocks, hiddenSize }: Pick<ModelFacts, 'blocks' | 'hiddenSize'>,
  keys: number,
  gone: readonly HeadPlace[],
): number {
  let [saved, whole] = [0, 0];
  // In a layer that narrows its stream, queries, keys and outputs belong to the narrow stream, and values to the wide one.
  blocks.forEach(({ heads, kvHeads, headDim, networkWidth: narrow = hiddenSize }, layer) => {
    const own = headDim * 2 * (narrow + keys);
    const shared = headDim * (narrow + hiddenSize);
    whole += heads * own + kvHeads * shared;
    const without = new Set(gone.filter((place) => place.layer === layer).map(({ head }) => head));
    saved += without.size * own;
    const each = heads / kvHeads;
    for (let kv = 0; kv < kvHeads; kv++) {
      if (Array.from({ length: each }, (_, at) => kv * each + at).every((head) => without.has(head))) saved += shared;
    }
  });
  return saved / whole;
}

/** Those that change least first; a layer keeps its last head. */
export function pruningOrder(without: readonly (readonly number[])[]): readonly HeadPlace[] {
  const all = without
    .flatMap((row, layer) => row.map((change, head) => ({ layer, head, change })))
    .sort((a, b) => a.change - b.change || a.layer - b.layer || a.head - b.head);
  const left = without.map((row) => row.length);
  return all.flatMap(({ layer, head }) => {
    if ((left[layer] ?? 0) <= 1) return [];
    left[layer] = (left[layer] ?? 0) - 1;
    return [{ layer, head }];
  });
}

/** By layer the head whose being alone changes least; the lower of equals. */
export const bestAlone = (alone: readonly (readonly number[])[]): readonly number[] =>
  alone.map((row) => row.reduce((best, value, head) => (value < (row[best] ?? Infinity) ? head : best), 0));
