/** Weights in blocks of integers and back, in float64 and one number at a time, from the description of the format alone. */

/** What a row of numbers is held as: blocks of 32 along it, the factor in float32. */
export function roundedRow(row: readonly number[], bits: 4 | 8): number[] {
  const blocks = Array.from({ length: Math.ceil(row.length / 32) }, (_, b) => row.slice(32 * b, 32 * b + 32));
  return blocks.flatMap((block) => {
    const sizes = block.map(Math.abs);
    const largest = block[sizes.indexOf(Math.max(...sizes))] ?? 0;
    const [factor, least, most] =
      bits === 8 ? [Math.fround(Math.abs(largest) / 127), -128, 127] : [Math.fround(-largest / 8), -8, 7];
    // Times the inverse and raised before it is cut, as Q4_0 of llama.cpp: of float16 weights some quotients lie exactly half way.
    const inverse = 1 / factor;
    return block.map((value) => {
      if (factor === 0) return 0;
      return factor * Math.min(most, Math.max(least, Math.floor(value * inverse + (0.5 - least)) + least));
    });
  });
}

/** A matrix stored row by row, [rows, columns]; `along`: which axis the blocks run along. */
export function roundedMatrix(
  data: Float32Array,
  [rows, columns]: readonly [number, number],
  bits: 4 | 8,
  along: 'rows' | 'columns',
): Float32Array {
  const out = new Float32Array(data.length);
  const lines = along === 'rows' ? rows : columns;
  const length = along === 'rows' ? columns : rows;
  const at = (line: number, i: number): number => (along === 'rows' ? line * columns + i : i * columns + line);
  for (let line = 0; line < lines; line++) {
    const row = Array.from({ length }, (_, i) => data[at(line, i)] ?? 0);
    roundedRow(row, bits).forEach((value, i) => (out[at(line, i)] = value));
  }
  return out;
}
