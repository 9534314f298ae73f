/** The bytes of a part of a quantised matrix, read as numbers. */
import { halfNumbers, widenBfloat16, widenHalf } from '../../../kernels/tensors/half';

const aligned = (bytes: Uint8Array, size: number): Uint8Array =>
  bytes.byteOffset % size === 0 ? bytes : bytes.slice();

/** Words of 32 bits, which formats fill from the lowest bit on. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  const { buffer, byteOffset, byteLength } = aligned(bytes, 4);
  return new Uint32Array(buffer, byteOffset, byteLength / 4);
}

/** The number of each float8 e4m3fn pattern: it has no infinities, and 0x7f and 0xff are NaN. */
export const float8Numbers: Float32Array = Float32Array.from({ length: 256 }, (_, bits) => {
  const [sign, exponent, fraction] = [bits & 0x80 ? -1 : 1, (bits >> 3) & 15, bits & 7];
  if ((bits & 0x7f) === 0x7f) return Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -9 : (8 + fraction) * 2 ** (exponent - 10));
});

/** The number of each pattern of float8 e5m2. */
const wideFloat8Numbers: Float32Array = Float32Array.from({ length: 256 }, (_, bits) => halfNumbers()[bits << 8] ?? 0);

/** A power of two for each pattern; 255 is NaN. */
const powerOfScale = (bits: number): number => (bits === 255 ? Number.NaN : 2 ** (bits - 127));

/** Numbers of a tensor of scales, offsets or tables, by its dtype. */
export function numbersOf(bytes: Uint8Array, dtype: string): Float32Array {
  switch (dtype) {
    case 'F32': {
      const { buffer, byteOffset, byteLength } = aligned(bytes, 4);
      return new Float32Array(buffer, byteOffset, byteLength / 4);
    }
    case 'F16':
    case 'BF16': {
      const { buffer, byteOffset, byteLength } = aligned(bytes, 2);
      const bits = new Uint16Array(buffer, byteOffset, byteLength / 2);
      const wide = new Float32Array(bits.length);
      if (dtype === 'F16') widenHalf(bits, wide);
      else widenBfloat16(bits, wide);
      return wide;
    }
    case 'F8_E4M3':
      return Float32Array.from(bytes, (pattern) => float8Numbers[pattern] ?? 0);
    case 'F8_E5M2':
      return Float32Array.from(bytes, (pattern) => wideFloat8Numbers[pattern] ?? 0);
    case 'F8_E8M0':
    case 'U8':
      return Float32Array.from(bytes, powerOfScale);
    default:
      throw new RangeError(`no numbers in ${dtype}`);
  }
}

/** Whether a tensor of a dtype holds scales that are read here. */
export const holdsNumbers = (dtype: string): boolean => /^(F32|F16|BF16|F8_E4M3|F8_E5M2|F8_E8M0)$/.test(dtype);
