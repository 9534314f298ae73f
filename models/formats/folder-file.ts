import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { resolveInside } from './safetensors/containment';

export type FolderFile =
  | { readonly ok: true; readonly path: string; readonly text: string; readonly bytes: number }
  | {
      readonly ok: false;
      readonly code: 'not-found' | 'outside-folder' | 'not-a-file' | 'too-large' | 'unreadable';
      /** One sentence that names the file. */
      readonly message: string;
    };

/** A pipe is opened at once and told by its status, instead of waiting for a writer; Windows has no such flag. */
const readAtOnce = constants.O_RDONLY | ((constants as { readonly O_NONBLOCK?: number }).O_NONBLOCK ?? 0);

/**
 * The text of a file that a model folder holds: a regular file inside of it (or in the blobs of its Hugging Face cache) of at
 * most `largest` bytes. Every small file of a model folder is read through here, so that none can hang or fill the process.
 */
export async function readFolderFile(folder: string, name: string, largest: number): Promise<FolderFile> {
  const place = await resolveInside(folder, name);
  if (!place.ok) return place;
  const { path } = place;
  let file: FileHandle | undefined;
  try {
    file = await open(path, readAtOnce);
    const about = await file.stat();
    if (!about.isFile()) return { ok: false, code: 'not-a-file', message: `${name} is no regular file.` };
    if (about.size > largest) {
      const message = `${name} has ${about.size} bytes, and at most ${largest} are read.`;
      return { ok: false, code: 'too-large', message };
    }
    const bytes = Buffer.alloc(about.size);
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return { ok: true, path, text: bytes.toString('utf8', 0, filled), bytes: filled };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { ok: false, code: 'unreadable', message: `${name} cannot be read (${code ?? 'unknown error'}).` };
  } finally {
    await file?.close();
  }
}
