/** Little-endian bytes of a constant, as ONNX raw data holds them. */
import { toBfloat16, toHalf } from '../tensors/half';
import type { ElementType } from './types';

export function rawData(type: ElementType, numbers: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const list = Array.from(numbers);
  switch (type) {
    case 'float32':
      return bytesOf(Float32Array.from(list));
    case 'float16':
      return bytesOf(Uint16Array.from(list, toHalf));
    case 'bfloat16':
      return bytesOf(Uint16Array.from(list, toBfloat16));
    case 'int32':
      return bytesOf(Int32Array.from(list));
    case 'int64':
      return bytesOf(BigInt64Array.from(list, BigInt));
    case 'uint8':
      return Uint8Array.from(list);
    case 'bool':
      return Uint8Array.from(list, (value) => (value ? 1 : 0));
  }
}

const bytesOf = (array: { readonly buffer: ArrayBuffer }): Uint8Array<ArrayBuffer> => new Uint8Array(array.buffer);
