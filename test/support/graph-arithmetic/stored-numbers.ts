/** The numbers of a stored constant. */
import { fromBfloat16, fromHalf } from '../../../kernels/tensors/half';
import type { ElementType } from '../../../kernels/graph/types';

export function toFloat(type: ElementType, bytes: Uint8Array): Float64Array {
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  switch (type) {
    case 'float32':
      return Float64Array.from(new Float32Array(buffer));
    case 'float16':
      return Float64Array.from(new Uint16Array(buffer), fromHalf);
    case 'bfloat16':
      return Float64Array.from(new Uint16Array(buffer), fromBfloat16);
    case 'int32':
      return Float64Array.from(new Int32Array(buffer));
    case 'int64':
      return Float64Array.from(new BigInt64Array(buffer), Number);
    case 'uint8':
    case 'uint8':
    case 'bool':
      return Float64Array.from(new Uint8Array(buffer));
  }
}
