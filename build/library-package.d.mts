/** Writes the files of the package for scripts into a folder, from what was built. */
export function stageLibrary(folder: string): Promise<void>;
