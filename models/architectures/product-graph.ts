/** A product of two matrices that are fed, for mathematics of weights that the host would be slow at. */
import { GraphBuilder } from '../../kernels/graph/builder';
import type { Dim } from '../../kernels/graph/dims';
import type { Graph } from '../../kernels/graph/graph';
import { fusedMatmul } from '../../kernels/graph/operators/matrix';

/** Inputs `a` [n, i] and `b` [k, i]; output `product` [n, k], a b^T. */
export function productGraph(): Graph<Dim> {
  const graph = new GraphBuilder('product');
  const a = graph.input('a', 'float32', ['n', 'i']);
  const b = graph.input('b', 'float32', ['k', 'i']);
  graph.output(fusedMatmul(a, b, { transposeB: true }), 'product');
  return graph.finishDynamic();
}
