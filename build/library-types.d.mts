/** The declarations of the package for scripts. */
export function libraryTypes(): Promise<string>;
