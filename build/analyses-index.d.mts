/** docs/analyses/README.md as it should be. */
export function analysesIndexText(): Promise<string>;
export function writeAnalysesIndex(): Promise<void>;
