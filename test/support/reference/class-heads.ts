/**
 * Heads of classifiers by the definitions of their classes in transformers 5.2 (modeling_*.py, …ForSequenceClassification and its kin), in
 * float64 and without code of the product: rows after the last norm of a model go in, rows of labels come out.
 */
import type { CheckpointTensor } from '../safetensors-file';
import { tensorOf, type Tensors } from './variant-tensors';

export type Rows = readonly (readonly number[])[];

/** [inputs] to [outputs] by the weight and the bias of this name, which may lack one. */
export function dense(tensors: Tensors, name: string, x: readonly number[]): readonly number[] {
  const { shape, data } = tensorOf(tensors, `${name}.weight`);
  const bias = tensors.get(`${name}.bias`)?.data;
  return Array.from({ length: shape[0] ?? 0 }, (_, row) =>
    x.reduce((sum, value, i) => sum + value * (data[row * x.length + i] ?? NaN), bias?.[row] ?? 0),
  );
}

/** (x - mean) / root(variance + epsilon) x weight, without an offset where none is stored. */
export function layerNorm(tensors: Tensors, name: string, x: readonly number[], epsilon: number): readonly number[] {
  const weight = tensorOf(tensors, `${name}.weight`).data;
  const bias = tensors.get(`${name}.bias`)?.data;
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  return x.map((value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * (weight[i] ?? NaN) + (bias?.[i] ?? 0));
}

/** The integral of the normal density up to x, by Simpson's rule over 400 pieces (error below 1e-12 for |x| up to 6). */
function normalShare(x: number): number {
  const [pieces, width] = [400, x / 400];
  const density = (at: number): number => Math.exp(-(at ** 2) / 2) / Math.sqrt(2 * Math.PI);
  let sum = density(0) + density(x);
  for (let i = 1; i < pieces; i++) sum += (i % 2 === 0 ? 2 : 4) * density(i * width);
  return 0.5 + (sum * width) / 3;
}

export const gelu = (x: number): number => x * normalShare(x);
export const relu = (x: number): number => Math.max(x, 0);

/** Made-up numbers of a shape. */
export const someNumbers = (shape: readonly number[], from: number): CheckpointTensor => ({
  shape: [...shape],
  data: Float32Array.from(
    { length: shape.reduce((all, one) => all * one, 1) },
    (_, i) => 0.3 * Math.sin(from + 0.7 * i),
  ),
});
