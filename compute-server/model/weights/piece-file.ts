/** The file of a piece: a header, and its weights. */
import { open } from 'node:fs/promises';
import { writeAll } from './weight-cache';
import { writePiece, type Sink } from './piece-bytes';
import { headerBytes, type PieceEntries } from './piece-layout';

/** `source` is the folder that the locations of the tensors are relative to. */
export async function writeWhole(layout: PieceEntries, source: string, add: Sink): Promise<void> {
  await add(new Uint8Array(headerBytes));
  await writePiece(layout, source, add);
}

export async function writePieceFile(layout: PieceEntries, source: string, path: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await writeWhole(layout, source, (bytes) => writeAll(file, bytes));
  } finally {
    await file.close();
  }
}
