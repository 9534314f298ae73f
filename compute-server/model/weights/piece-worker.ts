/** The thread that writes files of weights ahead (piece-thread.ts). */
import { parentPort } from 'node:worker_threads';
import type { PieceAnswer, PieceRequest } from './piece-thread';
import type { FormatRecipe } from '../../../models/formats/number-formats/number-format';
import { formatOf } from './format-makers';
import { writePieceFile } from './piece-file';

parentPort?.on('message', ({ id, entries, size, source, path }: PieceRequest) => {
  const parts = entries.map((entry) => {
    if (entry.kind === 'copy' || entry.kind === 'packed') return entry;
    if (entry.kind === 'coded') return { ...entry, of: entry.of.map(made) };
    return made(entry);
  });
  const answer = (failed: boolean): void => parentPort?.postMessage({ id, failed } satisfies PieceAnswer);
  writePieceFile({ parts, size }, source, path).then(
    () => answer(false),
    () => answer(true),
  );
});

/** With the format of its recipe. */
function made<T extends { readonly tensor: { readonly encoded: { readonly format: FormatRecipe } } }>(one: T) {
  const { encoded } = one.tensor;
  return { ...one, tensor: { ...one.tensor, encoded: { ...encoded, format: formatOf(encoded.format) } } };
}
