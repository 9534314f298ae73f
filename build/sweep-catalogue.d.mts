export const sweepCatalogueFile: string;
/** The file as it should be. */
export function sweepCatalogueText(): Promise<string>;
export function writeSweepCatalogue(): Promise<void>;
