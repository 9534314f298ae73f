/** What SHViT's repository builds everything of: a convolution without bias and its batch norm, named `c` and `bn`. */
import type { ModuleGraph, ModuleWeight, Tensors } from '../../module';
import { convolution as convolve, type ConvolutionOptions } from '../../graph/operators/convolution';
import type { Value } from '../../graph/records';
import { batchNorm, convolution, type Convolving } from '../../module-parts/layers';
import { batchNormOf, convolutionNormWeights, foldedPair, weightOf } from '../../module-parts/weights';
import type { Tensor } from '../../tensors/tensor';

const pair = { convolution: 'c', norm: 'bn' } as const;

export const pairWeights = (name: string, out: number, inner: number, kernel = 1): readonly ModuleWeight[] =>
  convolutionNormWeights(name, out, inner, kernel, pair);

export const pairReference = (x: Tensor, weights: Tensors, name: string, options?: Convolving): Tensor =>
  batchNorm(
    convolution(x, weightOf(weights, `${name}.${pair.convolution}.weight`), undefined, options),
    batchNormOf(weights, `${name}.${pair.norm}`),
  );

/** The batch norm in the convolution, as `fuse` of the repository does. */
export const foldPair = (weights: Tensors, name: string): Tensors => foldedPair(weights, name, pair);

/** As `foldPair`, with 1 added at the centre of each depthwise kernel: x + pair(x) as one convolution. */
export function foldResidualPair(weights: Tensors, name: string): Tensors {
  const folded = foldPair(weights, name);
  const { shape, data } = weightOf(folded, `${name}.weight`);
  const taps = shape[2]! * shape[3]!;
  const centre = (taps - 1) / 2;
  const widened = { shape, data: data.map((value, at) => (at % taps === centre ? value + 1 : value)) };
  return { ...folded, [`${name}.weight`]: widened };
}

export const buildPair = (graph: ModuleGraph, x: Value, name: string, options?: ConvolutionOptions): Value =>
  convolve(x, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`), options);
