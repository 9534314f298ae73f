/** Writes the files of the npm package into a folder, from what was built. */
export function stage(folder: string): void;
