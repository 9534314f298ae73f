/** ACMIL over toy bags, with or without what it adds to gated pooling (arXiv:2311.07125). */
import { add, multiply } from '../../../kernels/graph/operators/elementwise';
import { reshape, slice } from '../../../kernels/graph/operators/layout';
import { reduceMean } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import { acmil } from '../../../kernels/modules/acmil/acmil';
import { droppedCount, type Masking } from '../../../kernels/modules/acmil/stkim';
import { trainedModule } from '../../../kernels/training/module-graph';
import type { Network } from '../../../kernels/training/network';
import { keptRanks } from '../../../kernels/training/regularisers';
import type { Random } from '../../../kernels/tensors/random';
import { sample } from '../../tasks/draft';
import { floats, wholes } from '../../shared/training/module-network';
import { trainedShapes } from '../../shared/training/module-weights';
import type { Batch } from '../../model-runner/trainer';
import type { Bag, BagSize } from './bags';

export interface BagNetwork {
  /** M */
  readonly branches: number;
  /** Weight of L_d. */
  readonly diversity: number;
  /** STKIM; absent: none. */
  readonly masking?: Masking;
}

const width = 16;
const hidden = 16;

const bagParameters = ({ instances, features }: BagSize, { branches }: BagNetwork, batch: number) => ({
  form: 'gated',
  instances,
  features,
  width,
  hidden,
  branches,
  heads: 1,
  classes: 2,
  batch,
});

/**
 * Loss: L_b + L_p + weight L_d, means over the bags. Outputs: `bag_logits` [b, 2], `attention` [b, M, n], `diversity`, a scalar.
 * `dropped` [b, M, K] of a batch says which ranks of each branch's attention are masked.
 */
export function bagNetwork(name: string, size: BagSize, of: BagNetwork, batch: number): Network {
  const { instances, features } = size;
  const { branches, masking } = of;
  const parameters = bagParameters(size, of, batch);
  return {
    name,
    parameters: trainedShapes(acmil.weights(parameters)),
    batch: {
      x: { type: 'float32', shape: [batch, instances, features] },
      label: { type: 'int64', shape: [batch] },
      ...(masking
        ? { dropped: { type: 'float32', shape: [batch, branches, ranksOf(masking, instances)] } as const }
        : {}),
    },
    build(graph, weights, given) {
      const ones = (shape: readonly number[]): Value =>
        graph.constant('float32', shape, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1));
      const inputs = { ...given, mask: ones([batch, instances]) };
      const pooled = (kept: Value) =>
        acmil.build(trainedModule(graph, { ...inputs, kept }, weights), parameters) as Readonly<
          Record<'attention' | 'bag_logits' | 'losses', Value>
        >;
      const all = pooled(ones([batch, 1, branches, instances]));
      const { dropped } = given;
      const { attention, bag_logits, losses } = dropped
        ? pooled(keptRanks(all.attention, reshape(dropped, [batch, 1, branches, Number(dropped.shape[2])])))
        : all;
      const mean = reduceMean(losses, [0]);
      const part = (at: number): Value => reshape(slice(mean, 1, at, at + 1), []);
      const classes = add(part(0), part(1));
      return {
        loss: of.diversity === 0 || branches === 1 ? classes : add(classes, multiply(part(2), of.diversity)),
        outputs: {
          bag_logits,
          attention: reshape(attention, [batch, branches, instances]),
          ...(branches > 1 ? { diversity: part(2) } : {}),
        },
      };
    },
  };
}

const ranksOf = ({ strongest }: Masking, instances: number): number => Math.min(strongest, instances);

/** `source`: draws the ranks that are masked; absent: none is, as at inference. */
export function bagBatch(
  { instances, features }: BagSize,
  { branches, masking }: BagNetwork,
  bags: readonly Bag[],
  source?: Random,
): Batch {
  const x = new Float32Array(bags.length * instances * features);
  bags.forEach((bag, at) => x.set(bag.x, at * instances * features));
  const of = {
    x: floats([bags.length, instances, features], x),
    label: wholes(
      [bags.length],
      bags.map(({ label }) => label),
    ),
  };
  if (!masking) return of;
  const ranks = ranksOf(masking, instances);
  const dropped = new Float32Array(bags.length * branches * ranks);
  if (source) {
    const all = Array.from({ length: ranks }, (_, rank) => rank);
    for (let from = 0; from < dropped.length; from += ranks) {
      for (const rank of sample(source, all, droppedCount(masking, instances))) dropped[from + rank] = 1;
    }
  }
  return { ...of, dropped: { data: dropped, shape: [bags.length, branches, ranks] } };
}
