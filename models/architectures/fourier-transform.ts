/**
 * The mixer of FNet (arXiv:2105.03824, section 3): the real part of the discrete Fourier transform of positions and channels,
 * C_n X C_w - S_n X S_w, with C_ij = cos(2 pi i j / n) and S_ij = sin(2 pi i j / n). It has no heads and no learned weights.
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Dim } from '../../kernels/graph/dims';
import type { Value } from '../../kernels/graph/records';
import { dimOf, range } from '../../kernels/graph/operators/dynamic';
import { cast, cosine, divide, floor, multiply, sine, subtract } from '../../kernels/graph/operators/elementwise';
import { reshape } from '../../kernels/graph/operators/layout';
import { matmul } from '../../kernels/graph/operators/matrix';

/** Transforms x [b, n, w], a whole text, since each position reads all of them. */
export function fourierTransform(graph: GraphBuilder, x: Value): Value {
  const positions = wavesOf(graph, dimOf(x, 1), x.shape[1] ?? 'n');
  const channels = wavesOf(graph, dimOf(x, 2), x.shape[2] ?? 1);
  const transformed = (of: 'cosines' | 'sines'): Value => matmul(matmul(positions[of], x), channels[of]);
  return subtract(transformed('cosines'), transformed('sines'));
}

/** [count, count]. Products of indices are exact in float32 up to a count of 4096, and whole turns are removed before they become angles. */
function wavesOf(graph: GraphBuilder, count: Value, length: Dim): Readonly<Record<'cosines' | 'sines', Value>> {
  const places = cast(range(graph.constant('int64', [], [0]), count, length), 'float32');
  const size = cast(count, 'float32');
  const products = multiply(reshape(places, [length, 1]), reshape(places, [1, length]));
  const left = subtract(products, multiply(floor(divide(products, size)), size));
  const angles = multiply(divide(left, size), 2 * Math.PI);
  return { cosines: cosine(angles), sines: sine(angles) };
}
