/** What a decoder reads of an encoder: the stream that leaves its last block, behind the norm at its end. */
import { GraphBuilder } from '../../kernels/graph/builder';
import { norm } from './layers';
import type { ModelSpec } from './model-spec';
import type { StoredWeights } from './stored-weights';

/** Input `residual` [b, n, w], output `residual.out` [b, n, w]; undefined where an encoder ends without a norm. */
export function sourceGraph(encoder: ModelSpec): ((weights: StoredWeights) => GraphBuilder) | undefined {
  const last = encoder.head.norm;
  if (!last) return undefined;
  return (weights) => {
    const graph = new GraphBuilder('source');
    const residual = graph.input('residual', 'float32', ['b', 'n', encoder.hiddenSize]);
    graph.output(norm(graph, weights, last, residual), 'residual.out');
    return graph;
  };
}
