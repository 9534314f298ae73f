import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';

/**
 * The `blobs` folder that the links of a Hugging Face cache snapshot may lead into: for
 * `…/models--org--name/snapshots/revision[/…]` that of the same model, and no other.
 */
const blobsOf = (folder: string): string | undefined => {
  const parts = folder.split(path.sep);
  const snapshots = parts.lastIndexOf('snapshots');
  if (snapshots < 1 || !/^(models|datasets|spaces)--/.test(parts[snapshots - 1] ?? '')) return undefined;
  return [...parts.slice(0, snapshots), 'blobs'].join(path.sep);
};

/**
 * The path to read for a file of a model folder, or undefined when it is not the folder's own: names with separators and
 * links that lead out of the folder are refused, except links of the Hugging Face cache into its blobs.
 */
export const containedPath = async (folder: string, name: string): Promise<string | undefined> => {
  if (name === '' || name === '.' || name === '..' || /[\\/\0]/.test(name)) return undefined;
  const file = path.join(folder, name);
  try {
    if (!(await lstat(file)).isSymbolicLink()) return file;
    const target = await realpath(file);
    const home = await realpath(folder);
    if (path.dirname(target) === home) return target;
    const blobs = blobsOf(home);
    return blobs !== undefined && path.dirname(target) === (await realpath(blobs)) ? target : undefined;
  } catch {
    return undefined;
  }
};
