import { opendir, stat } from 'node:fs/promises';
import path from 'node:path';

/** Folders below a path that are looked into; caches of models nest five deep. */
const deepestFolder = 8;
const mostFiles = 50_000;
/** JSON files above this are indexes or tokenizers; only the first are ours. */
const largestPlainJson = 4 * 1024 * 1024;

/**
 * The JSON files and graphs of a path, in the order of their names: the file itself, or everything below a folder. Hidden folders,
 * node_modules and folders reached by a link are left out.
 */
export const findModelFiles = async (start: string): Promise<readonly string[]> => {
  if ((await stat(start)).isFile()) return [start];
  const found: string[] = [];
  const visit = async (folder: string, depth: number): Promise<void> => {
    const folders: string[] = [];
    const files: string[] = [];
    for await (const entry of await opendir(folder)) {
      const full = path.join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!entry.name.startsWith('.') && entry.name !== 'node_modules') folders.push(full);
      } else if (/\.(json|onnx)$/.test(entry.name) && (entry.isFile() || entry.isSymbolicLink())) files.push(full);
    }
    for (const file of files.sort()) {
      if (found.length >= mostFiles) return;
      const status = await stat(file).catch(() => undefined);
      if (status?.isFile() !== true) continue;
      const isSmall = status.size <= largestPlainJson || file.endsWith('.index.json');
      if (isSmall || file.endsWith('.onnx')) found.push(file);
    }
    if (depth < deepestFolder) for (const inner of folders.sort()) await visit(inner, depth + 1);
  };
  await visit(start, 0);
  return found;
};
