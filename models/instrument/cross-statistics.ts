/**
 * Statistics of the probabilities of cross-attention [b, h, n, m], summed over the queries of a chunk; in a branch (`If`), so that a run
 * that does not ask for them pays nothing.
 *
 * - `cross.mass` [b, h, columns]: the sum over the queries of probabilities x source_columns [m, columns]: a column of 0 and 1 adds up
 *   some rows of the source, one of their positions gives the sum of positions read.
 * - `cross.entropy` [b, h]: the sum over the queries of -sum_j p_j ln p_j, in nats, as `statistics.entropy` (statistics.ts).
 * - `cross.largest` [b, h]: the sum over the queries of the largest probability.
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { borrow, conditional } from '../../kernels/graph/operators/conditional';
import { logarithm, rectify, subtract } from '../../kernels/graph/operators/elementwise';
import { squeeze, unsqueeze } from '../../kernels/graph/operators/layout';
import { fusedMatmul, matmul } from '../../kernels/graph/operators/matrix';
import { reduceMax, reduceSum } from '../../kernels/graph/operators/reduce';

export const crossStatisticOutputs = ['cross.mass', 'cross.entropy', 'cross.largest'] as const;

export function addCrossStatistics(graph: GraphBuilder, scores: Value, probabilities: Value): void {
  const rows = probabilities.shape[3] ?? 1;
  const wanted = graph.input('use_cross_statistics', 'bool', []);
  const columns = graph.input('source_columns', 'float32', [rows, 'source columns']);
  const values = conditional(
    wanted,
    (branch) => {
      const [p, s] = [borrow(branch, probabilities), borrow(branch, scores)];
      const mass = squeeze(matmul(reduceSum(p, [2]), borrow(branch, columns)), 2);
      const largest = reduceMax(p, [3], false);
      const logNormaliser = subtract(reduceMax(s, [3], false), logarithm(largest));
      const expected = fusedMatmul(unsqueeze(p, 3), unsqueeze(s, 3), { transposeB: true });
      // A difference of two equal numbers where the row is certain: rounding may leave it a hair below 0.
      const entropy = rectify(subtract(logNormaliser, squeeze(squeeze(expected, 4), 3)));
      return [mass, reduceSum(entropy, [2], false), reduceSum(largest, [2], false)];
    },
    (branch) => [3, 2, 2].map((rank) => branch.constant('float32', Array<number>(rank).fill(0), [])),
    crossStatisticOutputs,
  );
  for (const value of values) graph.output(value);
}
