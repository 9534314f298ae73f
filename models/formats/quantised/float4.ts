/** The numbers of float4 e2m1, two in a byte with the first in the lower half. */
import type { IntegerMatrix } from './integer-matrix';

/** Twice the number of each pattern, plus 128: a sign, and 0, 0.5, 1, 1.5, 2, 3, 4 or 6. */
const codes = Uint8Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12).map((twice) => twice + 128);

/** Codes of 8 bits for twice the numbers of the part `codes`. */
export const doubledCodes =
  (columns: number): IntegerMatrix['codes'] =>
  ({ parts, count }, into, stride) => {
    const bytes = parts['codes']!;
    for (let row = 0; row < count; row++) {
      for (let column = 0; column < columns; column++) {
        const at = row * columns + column;
        const both = bytes[at >>> 1]!;
        into[row * stride + column] = codes[at & 1 ? both >>> 4 : both & 15]!;
      }
    }
  };
