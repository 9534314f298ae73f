export interface Zone {
  /** Folder whose files are restricted, relative to the root. */
  readonly target: string;
  /** Folders and files that they may not import. */
  readonly from: readonly string[];
  /** Folders inside those that they may import all the same. */
  readonly except?: readonly string[];
  readonly message: string;
}

export interface Restricted {
  /** A package that one place alone may import. */
  readonly name: string;
  /** Folders that may import it. */
  readonly homes: readonly string[];
  readonly message: string;
}

export const rooms: readonly string[];
export const zones: readonly Zone[];
export const restrictedPackages: readonly Restricted[];

export const restrictedFileCalls: {
  /** The room that may import them. */
  readonly home: string;
  readonly modules: readonly string[];
  readonly names: readonly string[];
  readonly message: string;
};
