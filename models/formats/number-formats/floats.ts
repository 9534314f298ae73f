/** Plain floats, where they are one of the parts that make a tensor. */
import { widenBfloat16, widenHalf } from '../../../kernels/tensors/half';
import type { NumberFormat } from './number-format';

const floats = (name: string, widen: (bytes: Uint8Array) => Float32Array): NumberFormat => ({
  name,
  byRow: ['values'],
  decoder: { kind: 'wide', widen: ({ parts }) => widen(parts['values']!.slice()) },
});

const widenedBy =
  (widen: (half: Uint16Array, wide: Float32Array) => void) =>
  ({ buffer, length }: Uint8Array): Float32Array => {
    const wide = new Float32Array(length / 2);
    widen(new Uint16Array(buffer), wide);
    return wide;
  };

/** Reads the part `values`, as do the formats below. */
export const float32 = floats('F32', ({ buffer }) => new Float32Array(buffer));
export const float16 = floats('F16', widenedBy(widenHalf));
export const bfloat16 = floats('BF16', widenedBy(widenBfloat16));
