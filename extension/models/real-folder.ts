import { realpathSync } from 'node:fs';

/**
 * The folder as the compute server names it in a model's summary: without links. A plan that names it otherwise would seem to
 * ask for another model than the one that was run. The path itself where it cannot be followed: opening it says why.
 */
export function realFolder(folder: string): string {
  try {
    return realpathSync.native(folder);
  } catch {
    return folder;
  }
}
