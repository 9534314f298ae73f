/** Minibatches of a set that is known from the start. */
import { random, seedFor } from '../../../kernels/tensors/random';

/**
 * Indices of the batch of `step` (from 1): each pass over the examples has an order of its own, drawn from the seed and its number,
 * so that a run that is resumed draws the same. The rest of a pass that fills no batch is left out; a batch larger than the set is
 * the whole set.
 */
export function minibatch(examples: number, size: number, step: number, seed: number): readonly number[] {
  const width = Math.min(size, examples);
  const batches = Math.max(1, Math.floor(examples / Math.max(1, width)));
  const pass = Math.floor((step - 1) / batches);
  const first = ((step - 1) % batches) * width;
  return shuffled(examples, seedFor(seed, `pass ${pass}`)).slice(first, first + width);
}

/** Fisher and Yates. */
function shuffled(count: number, seed: number): number[] {
  const source = random(seed);
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const other = source.whole(i + 1);
    [order[i], order[other]] = [order[other] ?? 0, order[i] ?? 0];
  }
  return order;
}
