/** The thread that writes files of weights ahead (piece-thread.ts). */
import { parentPort } from 'node:worker_threads';
import type { PieceAnswer, PieceRequest } from './piece-thread';
import { formatOf } from './format-makers';
import { writePieceFile } from './piece-file';

parentPort?.on('message', ({ id, entries, size, source, path }: PieceRequest) => {
  const parts = entries.map((entry) => {
    if (entry.kind === 'copy' || entry.kind === 'packed') return entry;
    const { encoded } = entry.tensor;
    const format = formatOf(encoded.format);
    return { ...entry, tensor: { ...entry.tensor, encoded: { ...encoded, format } } };
  });
  const answer = (failed: boolean): void => parentPort?.postMessage({ id, failed } satisfies PieceAnswer);
  writePieceFile({ parts, size }, source, path).then(
    () => answer(false),
    () => answer(true),
  );
});
