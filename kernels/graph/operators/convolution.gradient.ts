/** Gradient rule of convolutions over images [b, c, ...sizes]. */
import { inputOf, intOf, intsOf, ofOutput, sumTo, type Applied, type GradientRules, type Pass } from './gradient-rule';
import { GraphError, int, ints, type Value } from '../records';
import { reshape, slice, transpose } from './layout';
import { reduceSum } from './reduce';

interface Geometry {
  readonly strides: readonly number[];
  readonly pads: readonly number[];
  readonly groups: number;
  /** Sides of the image. */
  readonly sizes: readonly number[];
  /** Sides of the output. */
  readonly cells: readonly number[];
  readonly kernel: readonly number[];
}

function geometryOf({ node }: Applied, x: Value, weight: Value, g: Value): Geometry {
  const all = [...x.shape, ...weight.shape, ...g.shape];
  if (all.some((dim) => typeof dim !== 'number') || intsOf(node, 'dilations')?.some((step) => step !== 1)) {
    throw new GraphError(`Conv "${node.name}" has sizes that a run decides, or dilations: no gradient here.`);
  }
  const sizes = x.shape.slice(2).map(Number);
  return {
    strides: intsOf(node, 'strides') ?? sizes.map(() => 1),
    pads: intsOf(node, 'pads') ?? sizes.flatMap(() => [0, 0]),
    groups: intOf(node, 'group', 1),
    sizes,
    cells: g.shape.slice(2).map(Number),
    kernel: weight.shape.slice(2).map(Number),
  };
}

/** Every cell of the output spreads over the numbers that its kernel read; what no kernel read gets 0. */
function ofImage(x: Value, weight: Value, g: Value, geometry: Geometry): Value {
  const { strides, pads, groups, sizes, cells, kernel } = geometry;
  const rank = sizes.length;
  const unread = sizes.map((size, i) => {
    const read = ((cells[i] ?? 1) - 1) * (strides[i] ?? 1) + (kernel[i] ?? 1);
    return size + (pads[i] ?? 0) + (pads[rank + i] ?? 0) - read;
  });
  return x.graph.node('ConvTranspose', [g, weight], [{ type: x.type, shape: x.shape }], {
    group: int(groups),
    kernel_shape: ints(kernel),
    strides: ints(strides),
    pads: ints(pads),
    output_padding: ints(unread),
  })[0];
}

/** The image under the gradient of each cell: a convolution whose kernel is the gradient, its numbers `strides` apart. */
function correlated(
  x: Value,
  kernel: Value,
  geometry: Geometry,
  groups: number,
  channels: readonly [number, number],
): Value {
  const { strides, pads, sizes, cells } = geometry;
  const rank = sizes.length;
  const shape = sizes.map((size, i) => {
    const reach = ((cells[i] ?? 1) - 1) * (strides[i] ?? 1) + 1;
    return size + (pads[i] ?? 0) + (pads[rank + i] ?? 0) - reach + 1;
  });
  const whole = x.graph.node('Conv', [x, kernel], [{ type: x.type, shape: [...channels, ...shape] }], {
    group: int(groups),
    kernel_shape: ints(cells),
    dilations: ints(strides),
    pads: ints(pads),
  })[0];
  return geometry.kernel.reduce((cut, size, i) => slice(cut, 2 + i, 0, size), whole);
}

function ofWeight(x: Value, weight: Value, g: Value, geometry: Geometry): Value {
  const { groups, sizes, cells, kernel } = geometry;
  const [batch = 1, channels = 1] = x.shape.map(Number);
  const outputs = Number(weight.shape[0]);
  const turned = [1, 0, ...sizes.map((_, i) => 2 + i)];
  if (groups === 1) {
    const sum = correlated(transpose(x, turned), transpose(g, turned), geometry, 1, [channels, outputs]);
    return transpose(sum, turned);
  }
  if (groups !== channels || outputs !== channels) {
    throw new GraphError('The gradient of a grouped convolution takes one kernel for each channel.');
  }
  // Each channel of each image by itself, then the sum over the images.
  const one = reshape(x, [1, batch * channels, ...sizes]);
  const gradient = reshape(g, [batch * channels, 1, ...cells]);
  const each = correlated(one, gradient, geometry, batch * channels, [1, batch * channels]);
  return reshape(reduceSum(reshape(each, [batch, channels, ...kernel]), [0], false), weight.shape);
}

export const convolutionRules: GradientRules = {
  Conv: ofOutput((applied, g): readonly Pass[] => {
    const [x, weight] = [inputOf(applied, 0), inputOf(applied, 1)];
    const bias = applied.inputs[2];
    const geometry = (): Geometry => geometryOf(applied, x, weight, g);
    return [
      () => ofImage(x, weight, g, geometry()),
      () => ofWeight(x, weight, g, geometry()),
      bias &&
        (() => {
          const axes = g.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
          return sumTo(reduceSum(g, axes, false), bias);
        }),
    ];
  }),
};
