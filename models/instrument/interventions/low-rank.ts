/**
 * Keys and values of low rank: both are projected from V V^T x instead of x, V [w, r] with columns of length 1 at right angles.
 * Neutral: the identity. A layer has this for good in a graph of its own: fused projections are then computed twice.
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { fusedMatmul, matmul } from '../../../kernels/graph/operators/matrix';
import type { Value } from '../../../kernels/graph/records';
import type { LayerSizes } from './sizes';

export const declareLowRank = (graph: GraphBuilder, { hiddenSize }: LayerSizes): Value =>
  graph.input('key_value_basis', 'float32', ['b', hiddenSize, 'rank']);

/** x [b, n, w] to V V^T x. */
export const ofLowRank = (basis: Value, x: Value): Value => fusedMatmul(matmul(x, basis), basis, { transposeB: true });
