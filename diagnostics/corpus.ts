/** Documents that an analysis reads one by one, as they lie in a person's files (docs/corpus.md). */

export interface CorpusDocument {
  /** Null where the document is given as token ids. */
  readonly text: string | null;
  readonly ids?: readonly number[];
  /** As the file names it, or the path of the file inside its folder. */
  readonly id?: string;
  /** Where it comes from (web, code, …): documents are compared within a source. */
  readonly source?: string;
}

export interface Corpus {
  /** Name of the file or folder. */
  readonly name: string;
  readonly documents: readonly CorpusDocument[];
  /** Bytes of the files that were read; of a corpus that is only counted, of all of them. */
  readonly bytes: number;
  /** What was left out, and why: one sentence each. */
  readonly notes: readonly string[];
  /** Hash of the documents, hex; empty where they were only counted. */
  readonly sha256: string;
}

/** Documents of a corpus at most: as many rows as a table may have. */
export const mostDocuments = 20_000;
/** Characters of a document at most. */
export const mostCharacters = 2 ** 20;
/** Bytes of all files together; what is behind them is not read. */
export const mostBytes = 2 ** 26;
