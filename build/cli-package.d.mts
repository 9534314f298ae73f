/** Writes the files of the package of the command line into a folder, from what was built; `target`: as `linux-x64`. */
export declare function stageCli(folder: string, target?: string): void;
