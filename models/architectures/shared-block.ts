/**
 * A block of attention and a network that several layers share (Zamba, arXiv:2405.16712, section 2; Zamba2, arXiv:2411.15242). It reads
 * the stream that enters its layer and the embedding of each token side by side. Its output is added to the input of the layer's
 * recurrence, not to the stream.
 *
 * Rows carry the embedding to it (carried-rows.ts).
 */
import type { Value } from '../../kernels/graph/records';
import type { GraphBuilder } from '../../kernels/graph/builder';
import { concat } from '../../kernels/graph/operators/layout';
import { feedForward } from './block-parts';
import { linear, norm } from './layers';
import type { SharedSpec } from './model-spec';
import type { StoredWeights } from './stored-weights';

/** What the recurrence of a layer reads besides its stream x [.., w]; `attend` maps the input of attention, [.., 2 w], to its output. */
export function sharedOutput(
  graph: GraphBuilder,
  spec: SharedSpec,
  weights: StoredWeights,
  x: Value,
  embedding: Value | undefined,
  attend: (input: Value) => Value,
): Value {
  if (!embedding) throw new RangeError('a shared block reads the embedding, which its graph does not take');
  const attended = graph.within('attention', () => attend(norm(graph, weights, spec.norm, concat([x, embedding], -1))));
  return graph.within('mlp', () => {
    const inner = feedForward(graph, spec.network, weights, norm(graph, weights, spec.networkNorm, attended));
    return linear(graph, weights, spec.output, inner);
  });
}
