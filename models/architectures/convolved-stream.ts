/** A convolution of the stream over positions in both directions, as products with the stream shifted by each step of the kernel. */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { add, cast, hyperbolicTangent, minimum, multiply, subtract } from '../../kernels/graph/operators/elementwise';
import { dimOf, range } from '../../kernels/graph/operators/dynamic';
import { gather, reshape } from '../../kernels/graph/operators/layout';
import { fusedMatmul, matmul } from '../../kernels/graph/operators/matrix';
import { activate, norm } from './layers';
import type { ConvolvedStream } from './model-spec';
import { weight, type StoredWeights } from './stored-weights';

/** What leaves a block, from its input x [b, n, w] and its output so far. Takes whole texts, since a position reads later ones. */
export function convolvedStream(
  graph: GraphBuilder,
  spec: ConvolvedStream,
  weights: StoredWeights,
  x: Value,
  left: Value,
): Value {
  const { size } = spec;
  const width = Number(x.shape.at(-1));
  const kernels = weight(graph, weights, spec.weight, [width, width, size]);
  const moved = movedRows(graph, x);
  const product = (step: number): Value =>
    fusedMatmul(moved(step - (size - 1) / 2), gather(kernels, graph.constant('int64', [], [step]), 2), {
      transposeB: true,
    });
  const steps = Array.from({ length: size }, (_, step) => product(step));
  const sum = add(
    steps.reduce((all, one) => add(all, one)),
    weight(graph, weights, spec.bias, [width]),
  );
  const own = spec.activation === 'tanh' ? hyperbolicTangent(sum) : activate(spec.activation, sum);
  return norm(graph, weights, spec.norm, add(left, own));
}

/**
 * x [b, n, w] shifted by a number of positions, with zeros beyond the text. Uses a matrix of 0 and 1, since no shift here has a gradient.
 */
export function movedRows(graph: GraphBuilder, x: Value): (by: number) => Value {
  const length = x.shape[1] ?? 'n';
  const rows = cast(range(graph.constant('int64', [], [0]), dimOf(x, 1), length), 'float32');
  const apart = subtract(reshape(rows, [1, length]), reshape(rows, [length, 1]));
  return (by) => {
    if (by === 0) return x;
    const other = subtract(apart, by);
    return matmul(subtract(1, minimum(multiply(other, other), 1)), x);
  };
}
