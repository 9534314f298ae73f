/** The order of the rows of queries and keys. */

/**
 * Reorders the rows of a map of queries or keys from neighbours that are rotated together to halves: within the `dimensions` that are
 * rotated in each head, row 2i becomes row i, and row 2i + 1 becomes row i + dimensions / 2.
 */
export function inHalves(data: Float32Array, columns: number, headDim: number, dimensions: number): Float32Array {
  const out = data.slice();
  const half = dimensions / 2;
  for (let start = 0; start < data.length / columns; start += headDim) {
    for (let at = 0; at < dimensions; at++) {
      const to = start + (at % 2 === 0 ? at / 2 : half + (at - 1) / 2);
      out.set(data.subarray((start + at) * columns, (start + at + 1) * columns), to * columns);
    }
  }
  return out;
}
