import type { ResidualStream } from './run-request';

/** The state [w] of one row of a stream; zeros behind its last row. */
export function stateOf(
  { chunks, width, batch }: Pick<ResidualStream, 'chunks' | 'width' | 'batch'>,
  row: number,
  variant = 0,
): Float32Array {
  let left = row;
  for (const chunk of chunks) {
    const rows = chunk.length / (batch * width);
    if (left < rows) return chunk.subarray((variant * rows + left) * width, (variant * rows + left + 1) * width);
    left -= rows;
  }
  return new Float32Array(width);
}
