/** What a runtime rounds, and how much a rounding may move a number. */
import type { AttentionShape, Precision } from '../shape';

/**
 * The formats of a run: that of the tensors that go from operator to operator, and that in which an operator adds up.
 * onnxruntime's cpu provider has few float16 kernels: around the others it puts casts, so that they compute in float32, and
 * takes away the casts between two of them. What is rounded to float16 is then an input, an output, and a tensor that an
 * operator with a float16 kernel handles (Concat, Gather, Slice, Transpose and others that move numbers).
 */
export interface Arithmetic {
  readonly stored: Precision;
  readonly summed: Precision;
}

/** Half the distance from 1 to the next number: the largest relative error of one rounding. */
export const roundingUnit = (precision: Precision): number => (precision === 'float16' ? 2 ** -11 : 2 ** -24);

/**
 * What a number near zero may lose whatever its size: half the spacing of the smallest float16. A float32 below 2^-126 may become
 * 0; with room for what it is multiplied by afterwards, that is far below any output that matters.
 */
const absoluteUnit = (precision: Precision): number => (precision === 'float16' ? 2 ** -25 : 2 ** -80);

/** Roundings of stored tensors between input and output that are allowed for. */
const storedRoundings = 4;

const longestSum = ({ keys, headDim, valueDim }: AttentionShape): number => Math.max(keys, headDim, valueDim);

/**
 * The relative error that rounding explains: 4 u of what is stored and 2 sqrt(N) u of what is summed, u the unit of each format
 * and N the longest sum (over keys or a head's width): errors of N additions have random signs and add as their root, and
 * running sums, added one by one, reach twice that. `amplification` multiplies the second part, where a graph subtracts sums
 * that nearly cancel.
 */
export const relativeRounding = (shape: AttentionShape, { stored, summed }: Arithmetic, amplification = 1): number =>
  storedRoundings * roundingUnit(stored) + amplification * 2 * Math.sqrt(longestSum(shape)) * roundingUnit(summed);

/**
 * What rounding explains of a number of any size, where numbers of size `values` are weighed and added, then divided by
 * `leastDivisor` at least.
 */
export const absoluteRounding = (
  shape: AttentionShape,
  { stored }: Arithmetic,
  values: number,
  leastDivisor = 1,
): number => (absoluteUnit(stored) * Math.sqrt(longestSum(shape)) * Math.max(1, values)) / leastDivisor;
