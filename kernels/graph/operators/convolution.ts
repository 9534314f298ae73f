/** Convolutions. */
import { int, ints, type Value } from '../records';
import { describe, fail, sameType } from './checks';

/**
 * Each channel of `x` [b, c, ...sizes] with a kernel of its own, `weight` [c, 1, ...kernel], odd kernel sizes, zeros beyond
 * the edges ("same"): the shape stays.
 */
export function depthwiseConvolution(x: Value, weight: Value, bias: Value | undefined, name?: string): Value {
  sameType('Conv', name, x, weight, ...(bias ? [bias] : []));
  const kernel = weight.shape.slice(2).map(Number);
  const channels = Number(x.shape[1]);
  if (weight.shape.length !== x.shape.length || weight.shape[0] !== channels || weight.shape[1] !== 1) {
    fail('Conv', name, `${describe(weight)} holds no kernel for each channel of ${describe(x)}.`);
  }
  if (kernel.some((size) => size % 2 === 0)) fail('Conv', name, `kernel sizes must be odd: ${describe(weight)}.`);
  const edges = kernel.map((size) => (size - 1) / 2);
  return x.graph.node('Conv', [x, weight, bias], [{ type: x.type, shape: x.shape, name }], {
    group: int(channels),
    kernel_shape: ints(kernel),
    pads: ints([...edges, ...edges]),
  })[0];
}
