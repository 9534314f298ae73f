/** Networks that pool a bag and name its label by one linear layer: low-rank attention (`lama`), or the mean of the words. */
import { add } from '../../../kernels/graph/operators/elementwise';
import { reshape } from '../../../kernels/graph/operators/layout';
import { argMax, reduceMean } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import { linearLayer } from '../../../kernels/module-parts/graph';
import { behind, evenly } from '../../../kernels/module-parts/weights';
import { lama, type LamaParameters } from '../../../kernels/modules/low-rank-mha/lama';
import { crossEntropy } from '../../../kernels/training/losses';
import { trainedModule } from '../../../kernels/training/module-graph';
import type { Network } from '../../../kernels/training/network';
import { drawnWeights, trainedShapes } from '../../shared/training/module-weights';
import type { Parameters } from '../../model-runner/trainer';

export interface BagNetwork {
  readonly network: Network;
  initial(seed: number): Parameters;
}

/** Names of the weights of the pooling are behind it. */
export const poolPrefix = 'pool.';

/** `pool` undefined: the mean of the words. Outputs: `best` int64 [b], and `attention` [b, m, n] of low-rank attention. */
export function bagNetwork(
  name: string,
  { words, width, batch, labels }: { words: number; width: number; batch: number; labels: number },
  pool: LamaParameters | undefined,
): BagNetwork {
  const rows = pool?.heads ?? 1;
  const weights = [
    ...(pool ? behind(poolPrefix, lama.weights(pool)) : []),
    { name: 'classifier.weight', shape: [labels, rows * width], initial: evenly(rows * width) },
    { name: 'classifier.bias', shape: [labels], initial: { kind: 'constant', value: 0 } } as const,
  ];
  const network: Network = {
    name,
    parameters: trainedShapes(weights),
    batch: {
      h: { type: 'float32', shape: [batch, words, width] },
      mask: { type: 'float32', shape: [batch, words] },
      labels: { type: 'int64', shape: [batch] },
    },
    build(graph, parameters, inputs) {
      const of = (from: Readonly<Record<string, Value>>, what: string): Value => {
        const value = from[what];
        if (!value) throw new RangeError(`${name} has no "${what}"`);
        return value;
      };
      const pooled = pool
        ? lama.build(trainedModule(graph, inputs, parameters, poolPrefix), pool)
        : { output: reduceMean(of(inputs, 'h'), [1]) };
      const flat = reshape(of(pooled, 'output'), [batch, rows * width]);
      const logits = add(linearLayer(flat, of(parameters, 'classifier.weight')), of(parameters, 'classifier.bias'));
      return {
        loss: crossEntropy(logits, of(inputs, 'labels')),
        outputs: { best: argMax(logits, 1), ...(pool ? { attention: of(pooled, 'attention') } : {}) },
      };
    },
  };
  return { network, initial: (seed) => drawnWeights(weights, seed) };
}
