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

/**
 * `x` [b, c, ...sizes] under kernels `weight` [out, c / groups, ...kernel] of odd sizes, zeros beyond the edges ("same"): the sizes
 * stay.
 */
export function sameConvolution(x: Value, weight: Value, bias: Value | undefined, groups = 1, name?: string): Value {
  sameType('Conv', name, x, weight, ...(bias ? [bias] : []));
  const [out, inner, ...kernel] = weight.shape.map(Number) as [number, number, ...number[]];
  if (weight.shape.length !== x.shape.length || inner * groups !== Number(x.shape[1]) || out % groups !== 0) {
    fail('Conv', name, `${describe(weight)} in ${groups} groups does not fit ${describe(x)}.`);
  }
  if (kernel.some((size) => size % 2 === 0)) fail('Conv', name, `kernel sizes must be odd: ${describe(weight)}.`);
  const edges = kernel.map((size) => (size - 1) / 2);
  const shape = [x.shape[0]!, out, ...x.shape.slice(2)];
  return x.graph.node('Conv', [x, weight, bias], [{ type: x.type, shape, name }], {
    group: int(groups),
    kernel_shape: ints(kernel),
    pads: ints([...edges, ...edges]),
  })[0];
}

/** Steps between kernels, zeros added on every edge, and groups of channels. */
export interface ConvolutionOptions {
  readonly stride?: number;
  readonly padding?: number;
  readonly groups?: number;
}

/** `x` [b, c, H, W] under kernels `weight` [out, c / groups, kh, kw]. */
export function convolution(
  x: Value,
  weight: Value,
  bias: Value | undefined,
  options: ConvolutionOptions = {},
  name?: string,
): Value {
  const { stride = 1, padding = 0, groups = 1 } = options;
  sameType('Conv', name, x, weight, ...(bias ? [bias] : []));
  if (x.shape.length !== 4 || weight.shape.length !== 4) {
    fail('Conv', name, `${describe(x)} and ${describe(weight)} need four axes.`);
  }
  const [batch, channels, height, width] = x.shape as readonly [number, number, number, number];
  const [out, inner, ...kernel] = weight.shape as readonly [number, number, number, number];
  if (inner * groups !== channels || out % groups !== 0) {
    fail('Conv', name, `${describe(weight)} in ${groups} groups does not fit ${describe(x)}.`);
  }
  const after = (size: number, taps: number) => Math.floor((size + 2 * padding - taps) / stride) + 1;
  const shape = [batch, out, after(height, kernel[0]), after(width, kernel[1])];
  return x.graph.node('Conv', [x, weight, bias], [{ type: x.type, shape, name }], {
    group: int(groups),
    kernel_shape: ints(kernel),
    strides: ints([stride, stride]),
    pads: ints([padding, padding, padding, padding]),
  })[0];
}
