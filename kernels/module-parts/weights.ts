/** Weights of a module by their published names, part by part. */
import type { InitialWeight, ModuleWeight, Tensors } from '../module';
import type { Tensor } from '../tensors/tensor';
import type { BatchNorm } from './layers';
import { folded } from './graph';

/** Those whose names begin with `prefix`, without it. */
export const under = (tensors: Tensors, prefix: string): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, x]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), x]] : [])),
  );

/** The same names behind a prefix. */
export const behind = (prefix: string, weights: readonly ModuleWeight[]): readonly ModuleWeight[] =>
  weights.map((weight) => ({ ...weight, name: prefix + weight.name }));

export const behindTensors = (prefix: string, tensors: Tensors): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, x]) => [prefix + name, x]));

export function weightOf(weights: Tensors, name: string): Tensor {
  const weight = weights[name];
  if (!weight) throw new RangeError(`there is no weight "${name}"`);
  return weight;
}

export const parameterCount = (weights: readonly ModuleWeight[]): number =>
  weights.reduce((total, { shape, buffer }) => total + (buffer ? 0 : shape.reduce((a, b) => a * b, 1)), 0);

/** Deviation 1 / sqrt(numbers that one output reads): outputs as large as inputs. */
export const evenly = (inner: number): InitialWeight => ({ kind: 'normal', deviation: 1 / Math.sqrt(inner) });

/** A linear layer as PyTorch keeps it: `weight` [out, in] and `bias` [out]. */
export const linearWeights = (name: string, out: number, inner: number, bias = true): readonly ModuleWeight[] => [
  { name: `${name}.weight`, shape: [out, inner], initial: evenly(inner) },
  ...(bias ? [{ name: `${name}.bias`, shape: [out], initial: { kind: 'normal', deviation: 0.1 } } as const] : []),
];

/** A convolution as PyTorch keeps it: `weight` [out, in / groups, k, k] and `bias` [out]. */
export const convolutionWeights = (
  name: string,
  out: number,
  inner: number,
  kernel: number,
  bias = true,
): readonly ModuleWeight[] => [
  { name: `${name}.weight`, shape: [out, inner, kernel, kernel], initial: evenly(inner * kernel * kernel) },
  ...(bias ? [{ name: `${name}.bias`, shape: [out], initial: { kind: 'normal', deviation: 0.1 } } as const] : []),
];

/** The gain and offset of a layer norm or group norm. */
export const normWeights = (name: string, width: number): readonly ModuleWeight[] => [
  { name: `${name}.weight`, shape: [width], initial: { kind: 'near-one', deviation: 0.2 } },
  { name: `${name}.bias`, shape: [width], initial: { kind: 'normal', deviation: 0.2 } },
];

/** Gain, offset, and the running mean and variance of a batch norm. */
export const batchNormWeights = (name: string, width: number): readonly ModuleWeight[] => [
  ...normWeights(name, width),
  { name: `${name}.running_mean`, shape: [width], initial: { kind: 'normal', deviation: 0.2 }, buffer: true },
  { name: `${name}.running_var`, shape: [width], initial: { kind: 'near-one', deviation: 0.2 }, buffer: true },
];

export const batchNormOf = (weights: Tensors, name: string): BatchNorm => ({
  weight: weightOf(weights, `${name}.weight`),
  bias: weightOf(weights, `${name}.bias`),
  running_mean: weightOf(weights, `${name}.running_mean`),
  running_var: weightOf(weights, `${name}.running_var`),
});

/** Names of the convolution and of its batch norm inside their pair. */
export interface PairNames {
  readonly convolution: string;
  readonly norm: string;
}

/** A convolution without bias and its batch norm: `<name>.c.weight`, `<name>.bn.*` by the names of the pair. */
export const convolutionNormWeights = (
  name: string,
  out: number,
  inner: number,
  kernel: number,
  pair: PairNames,
): readonly ModuleWeight[] => [
  ...convolutionWeights(`${name}.${pair.convolution}`, out, inner, kernel, false),
  ...batchNormWeights(`${name}.${pair.norm}`, out),
];

/** The pair as one convolution: `<name>.weight` and `<name>.bias`. */
export function foldedPair(weights: Tensors, name: string, pair: PairNames, epsilon = 1e-5): Tensors {
  const { weight, bias } = folded(
    weightOf(weights, `${name}.${pair.convolution}.weight`),
    batchNormOf(weights, `${name}.${pair.norm}`),
    undefined,
    epsilon,
  );
  return { [`${name}.weight`]: weight, [`${name}.bias`]: bias };
}
