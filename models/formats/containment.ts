import { realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { shortened } from './short-text';

export type Contained =
  | { readonly ok: true; readonly path: string }
  | { readonly ok: false; readonly code: 'outside-folder' | 'not-found'; readonly message: string };

/** Whether a path lies in a folder or is it; both are real paths. */
export const inside = (folder: string, path: string): boolean => {
  const way = relative(folder, path);
  return way === '' || (!way.startsWith(`..${sep}`) && way !== '..' && !isAbsolute(way));
};

/**
 * The blobs folder of a Hugging Face cache, for a model folder inside it: `…/models--org--name/snapshots/<revision>` holds
 * links to `…/models--org--name/blobs/<hash>`.
 */
function blobsOf(folder: string): string | undefined {
  const parts = folder.split(sep);
  const at = parts.lastIndexOf('snapshots');
  if (at < 1 || at === parts.length - 1) return undefined;
  return [...parts.slice(0, at), 'blobs'].join(sep);
}

/**
 * The real path of a file that a model folder names. A name that leaves the folder is refused; a link that leaves it is
 * followed only into the blobs of the Hugging Face cache that the folder belongs to.
 */
export async function resolveInside(folder: string, name: string): Promise<Contained> {
  const refused: Contained = {
    ok: false,
    code: 'outside-folder',
    message: `${shortened(name)} is outside the model folder and is not read.`,
  };
  const asked = resolve(folder, name);
  if (name.includes('\0') || isAbsolute(name) || !inside(resolve(folder), asked)) return refused;
  try {
    const [realFolder, real] = await Promise.all([realpath(folder), realpath(asked)]);
    if (inside(realFolder, real)) return { ok: true, path: real };
    const blobs = blobsOf(realFolder);
    if (blobs !== undefined && real !== blobs && inside(blobs, real)) return { ok: true, path: real };
    return refused;
  } catch {
    return { ok: false, code: 'not-found', message: `${shortened(name)} does not exist in the model folder.` };
  }
}
