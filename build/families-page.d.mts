/** docs/families.md as it should be. */
export function familiesPageText(): Promise<string>;
export function writeFamiliesPage(): Promise<void>;
