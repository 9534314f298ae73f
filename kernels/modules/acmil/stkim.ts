/**
 * Stochastic top-K instance masking, the training mask of ACMIL: each branch loses some of its K strongest instances, and its
 * softmax goes over the rest. It makes an input of the module (`kept`), so that the graph itself has no chance in it.
 */
import { random } from '../../tensors/random';
import { tensor, type Tensor } from '../../tensors/tensor';

export interface Masking {
  /** K, cut to the instances that there are. */
  readonly strongest: number;
  /** p */
  readonly probability: number;
  /** `count`: floor(K p) at random, as the code does; `each`: every one with probability p, as the paper says. */
  readonly draw: 'count' | 'each';
}

/** Instances that `count` drops. */
export const droppedCount = ({ strongest, probability }: Masking, instances: number): number =>
  Math.floor(Math.min(strongest, instances) * probability + 1e-9);

/** Why no instance would be left, as a sentence. */
export const refuseMasking = (masking: Masking, instances: number): string | undefined =>
  droppedCount(masking, instances) >= instances
    ? `Dropping all of the ${instances} instances leaves nothing to attend to. Choose fewer strongest ones or a smaller share.`
    : undefined;

/**
 * 1 where an instance stays and 0 where it is dropped, for every row of attention weights (or logits) [..., n]; at least the
 * strongest stays where chance would drop all.
 */
export function maskStrongest(attention: Tensor, masking: Masking, seed: number): Tensor {
  const n = attention.shape.at(-1)!;
  const why = refuseMasking(masking, n);
  if (why !== undefined) throw new RangeError(why);
  const source = random(seed);
  const kept = new Float64Array(attention.data.length).fill(1);
  for (let from = 0; from < kept.length; from += n) {
    const strongest = Array.from({ length: n }, (_, at) => at)
      .sort((a, b) => attention.data[from + b]! - attention.data[from + a]! || a - b)
      .slice(0, masking.strongest);
    if (masking.draw === 'each') {
      const dropped = strongest.filter(() => source.uniform() < masking.probability);
      for (const at of dropped.length === n ? dropped.slice(1) : dropped) kept[from + at] = 0;
      continue;
    }
    const order = strongest.map((at) => ({ at, by: source.uniform() })).sort((a, b) => a.by - b.by);
    for (const { at } of order.slice(0, droppedCount(masking, n))) kept[from + at] = 0;
  }
  return tensor(attention.shape, kept);
}

/** K = 10 and p = 0.6, of the paper. */
export const published: Masking = { strongest: 10, probability: 0.6, draw: 'count' };
