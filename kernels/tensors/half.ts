/** Conversions between float64 and the 16-bit formats, rounding to nearest, ties to even. */

const scratch = new DataView(new ArrayBuffer(8));

/** Bits of the IEEE 754 binary16 nearest to `value`; overflow gives an infinity. */
export function toHalf(value: number): number {
  scratch.setFloat64(0, value);
  const high = scratch.getUint32(0);
  const sign = (high >>> 16) & 0x8000;
  if (Number.isNaN(value)) return 0x7e00;
  const magnitude = Math.abs(value);
  // 65520 is the midpoint between the largest finite half (65504) and the next power, and ties go up to infinity.
  if (magnitude >= 65520) return sign | 0x7c00;
  // Below 2^-14 the spacing is 2^-24; a rounded 1024 carries into the exponent by itself.
  if (magnitude < 2 ** -14) return sign | roundEven(magnitude * 2 ** 24);
  const exponent = ((high >>> 20) & 0x7ff) - 1023;
  return sign | (((exponent + 14) << 10) + roundEven(magnitude * 2 ** (10 - exponent)));
}

export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Bits of the bfloat16 nearest to `value` (rounded first to float32: double rounding errs below one part in 2^24). */
export function toBfloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

export function fromBfloat16(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

let table: Float32Array | undefined;

/** The number of each binary16 pattern. */
export const halfNumbers = (): Float32Array =>
  (table ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => fromHalf(bits)));

export function widenHalf(half: Uint16Array, wide: Float32Array): void {
  const numbers = halfNumbers();
  for (let i = 0; i < half.length; i++) wide[i] = numbers[half[i]!]!;
}

export function widenBfloat16(half: Uint16Array, wide: Float32Array): void {
  // A bfloat16 is the upper half of a float32.
  const patterns = new Int32Array(wide.buffer, wide.byteOffset, wide.length);
  for (let i = 0; i < half.length; i++) patterns[i] = half[i]! << 16;
}

function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
