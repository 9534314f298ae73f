/**
 * Head outputs mixed with those of another run: share · given + (1 - share) · own, after gain and replacement. Neutral: share 0. A
 * layer has this for good in a graph of its own. DuoAttention trains the shares (arXiv:2410.10819, section 3).
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { add, multiply, subtract } from '../../../kernels/graph/operators/elementwise';
import { reshape } from '../../../kernels/graph/operators/layout';
import type { Value } from '../../../kernels/graph/records';

export interface MixtureInputs {
  /** [b, h] */
  readonly share: Value;
  /** [b, h, n, d] */
  readonly given: Value;
}

export const declareMixture = (graph: GraphBuilder, heads: number, headDim: number): MixtureInputs => ({
  share: graph.input('mixture_share', 'float32', ['b', heads]),
  given: graph.input('mixture_given', 'float32', ['b', heads, 'n', headDim]),
});

export function mixed({ share, given }: MixtureInputs, own: Value, name: string): Value {
  const of = reshape(share, ['b', share.shape[1] ?? 1, 1, 1]);
  return add(multiply(of, given), multiply(subtract(1, of), own), name);
}
