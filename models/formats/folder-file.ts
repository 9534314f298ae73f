import { FileRefused, readRegular } from './regular-file';
import { resolveInside } from './containment';

export type FolderFile =
  | { readonly ok: true; readonly path: string; readonly text: string; readonly bytes: number }
  | {
      readonly ok: false;
      readonly code: 'not-found' | 'outside-folder' | 'not-a-file' | 'too-large' | 'unreadable';
      /** One sentence that names the file. */
      readonly message: string;
    };

/**
 * The text of a file that a model folder holds: a regular file inside of it (or in the blobs of its Hugging Face cache) of at
 * most `largest` bytes. Every small file of a model folder is read through here, so that none can hang or fill the process.
 */
export async function readFolderFile(folder: string, name: string, largest: number): Promise<FolderFile> {
  const place = await resolveInside(folder, name);
  if (!place.ok) return place;
  const { path } = place;
  try {
    const bytes = await readRegular(path, largest);
    return { ok: true, path, text: bytes.toString('utf8'), bytes: bytes.length };
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    return { ok: false, code: error.code, message: `${name} is not read: ${startingLow(error.message)}` };
  }
}

const startingLow = (sentence: string): string => sentence.charAt(0).toLowerCase() + sentence.slice(1);
