/** Tensors in the number formats of the runtime. */
import type { Precision } from '../shape';
import { fromHalf, toHalf } from './half';
import { tensor, type Tensor } from './tensor';

/** The numbers of `x` rounded to the precision in which a graph will read them. */
export function roundTo(x: Tensor, precision: Precision): Tensor {
  return tensor(x.shape, Float64Array.from(x.data, precision === 'float16' ? (v) => fromHalf(toHalf(v)) : Math.fround));
}

/** The same of tensors by name. */
export const roundedTensors = (
  tensors: Readonly<Record<string, Tensor>>,
  precision: Precision,
): Readonly<Record<string, Tensor>> =>
  Object.fromEntries(Object.entries(tensors).map(([name, x]) => [name, roundTo(x, precision)]));

/** float32 numbers, or the bit patterns of float16 numbers, as the runtime takes them. */
export function toRuntime(x: Tensor, precision: Precision): Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> {
  return precision === 'float16' ? Uint16Array.from(x.data, toHalf) : Float32Array.from(x.data);
}

export function fromRuntime(data: Float32Array | Uint16Array, shape: readonly number[]): Tensor {
  return tensor(shape, data instanceof Uint16Array ? Float64Array.from(data, fromHalf) : Float64Array.from(data));
}
