/**
 * Reads the bytes of weights that are opened next, while the layer before them runs: the runtime blocks the thread of the
 * program, and these reads are of other threads. Nothing is kept of them; they lie in the system's cache of files when the
 * runtime maps or reads them.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredTensor } from '../../../../models/architectures/stored-weights';

/** Bytes of one read. All reads go to the same buffer. */
const step = 16 * 2 ** 20;

export class ReadAhead {
  private buffer: Uint8Array | undefined;

  constructor(private readonly folder: string) {}

  /** The reads are on their way when this resolves; `done` waits for them. What cannot be read is left to the runtime. */
  async start(tensors: Iterable<StoredTensor>): Promise<{ readonly done: Promise<unknown> }> {
    const buffer = (this.buffer ??= new Uint8Array(step));
    const files = new Map<string, FileHandle>();
    const reads: Promise<unknown>[] = [];
    for (const { location, offset, length } of tensors) {
      const file = files.get(location) ?? (await open(join(this.folder, location)));
      files.set(location, file);
      for (let at = 0; at < length; at += step) {
        reads.push(file.read(buffer, 0, Math.min(step, length - at), offset + at));
      }
    }
    const read = Promise.allSettled(reads);
    return { done: read.then(() => Promise.allSettled([...files.values()].map((file) => file.close()))) };
  }
}
