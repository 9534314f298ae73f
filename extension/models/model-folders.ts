/** Looks for files of models below the folders of `headscope.models.folders`. Reads names only. */
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { whyUnread } from '../../protocol/wire/unread';
import { isGguf, isModelFile } from './model-names';

/** Deep enough for the Hugging Face cache: hub/models--a--b/snapshots/hash/config.json. */
const deepest = 5;
/** A folder that holds more is most likely not a folder of models; what was found until then is shown. */
const mostFolders = 20_000;
const skipped = new Set(['node_modules', 'blobs', 'refs', '__pycache__']);

export interface FoundConfigs {
  readonly paths: readonly string[];
  /** One sentence for each folder that could not be searched, or not to its end. */
  readonly problems: readonly string[];
}

export const expandHome = (path: string, home = homedir()): string =>
  path === '~' ? home : /^~[\\/]/.test(path) ? join(home, path.slice(2)) : path;

export async function findConfigs(folders: readonly string[], home = homedir()): Promise<FoundConfigs> {
  const paths = new Set<string>();
  const problems: string[] = [];
  for (const written of folders) {
    const root = expandHome(written, home);
    if (!isAbsolute(root)) {
      problems.push(`headscope.models.folders: "${written}" is not an absolute path.`);
      continue;
    }
    let visited = 0;
    let level = [root];
    for (let depth = 0; depth <= deepest && level.length > 0; depth += 1) {
      const below: string[] = [];
      for (const folder of level) {
        if (visited >= mostFolders) break;
        visited += 1;
        let entries: Dirent[];
        try {
          entries = await readdir(folder, { withFileTypes: true });
        } catch (error) {
          if (folder === root) problems.push(`headscope.models.folders: ${root} cannot be read: ${whyUnread(error)}.`);
          continue;
        }
        for (const entry of entries) {
          // The cache keeps files as links into its blobs; links to folders are left alone, they may lead in circles.
          if ((isModelFile(entry.name) || isGguf(join(folder, entry.name))) && !entry.isDirectory())
            paths.add(join(folder, entry.name));
          else if (entry.isDirectory() && !entry.name.startsWith('.') && !skipped.has(entry.name)) {
            below.push(join(folder, entry.name));
          }
        }
      }
      level = below.sort();
    }
    if (visited >= mostFolders)
      problems.push(`headscope.models.folders: only the first ${mostFolders} folders of ${root} were searched.`);
  }
  return { paths: [...paths].sort(), problems };
}
