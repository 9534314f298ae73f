/** A rectangle of one head's probabilities, or of its effective attention, pooled by the value of largest size of each block. */
import type { HeadTile } from '../../protocol/results/heads';

/** Rows computed at once. */
const band = 128;

interface TileOf {
  readonly rows: number;
  readonly columns: number;
  readonly layer: number;
  /** Numbers of rows [start, start + count) over all columns, row-major. */
  readonly read: (start: number, count: number) => Promise<Float32Array>;
}

export async function pooledTile(
  request: Omit<HeadTile, 'data' | 'layer'>,
  { rows: length, columns: width, layer, read }: TileOf,
  signal?: AbortSignal,
): Promise<HeadTile> {
  const rowCount = Math.min(request.rowCount, length - request.rowStart);
  const columnCount = Math.min(request.columnCount, width - request.columnStart);
  const outRows = Math.min(request.outRows, rowCount);
  const outColumns = Math.min(request.outColumns, columnCount);
  const data = new Float32Array(outRows * outColumns);
  for (let first = 0; first < rowCount; first += band) {
    signal?.throwIfAborted();
    const count = Math.min(band, rowCount - first);
    const rows = await read(request.rowStart + first, count);
    for (let row = 0; row < count; row++) {
      const toRow = Math.floor(((first + row) * outRows) / rowCount);
      for (let column = 0; column < columnCount; column++) {
        const to = toRow * outColumns + Math.floor((column * outColumns) / columnCount);
        const value = rows[row * width + request.columnStart + column] ?? 0;
        if (Math.abs(value) > Math.abs(data[to] ?? 0)) data[to] = value;
      }
    }
  }
  return { ...request, layer, rowCount, columnCount, outRows, outColumns, data };
}
