/** Numbers in the rows and columns of a picture. */

export const rowsOf = (data: Float64Array, rows: number, columns: number): readonly (readonly number[])[] =>
  Array.from({ length: rows }, (_, row) => Array.from(data.subarray(row * columns, (row + 1) * columns)));
