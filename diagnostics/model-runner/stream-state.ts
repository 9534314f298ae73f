import type { ResidualStream } from './run-request';

/** The state [w] of one row of a stream, without what the row carries after it; zeros beyond the last row. */
export function stateOf(
  { chunks, width, hidden = width, batch }: Pick<ResidualStream, 'chunks' | 'width' | 'hidden' | 'batch'>,
  row: number,
  variant = 0,
): Float32Array {
  let left = row;
  for (const chunk of chunks) {
    const rows = chunk.length / (batch * width);
    const at = (variant * rows + left) * width;
    if (left < rows) return chunk.subarray(at, at + hidden);
    left -= rows;
  }
  return new Float32Array(hidden);
}
