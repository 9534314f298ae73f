/** Where a picture stands in the sequence that a language model reads, and which part of the picture each token shows. */

/** A rectangle of the picture that became rows x columns image tokens. */
export interface ImageTile {
  /** In pixels of the picture; what a crop cut away lies outside of every tile. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly rows: number;
  readonly columns: number;
  /** Cell (r, c) is image token `first + r * stride + c`, counted among the image tokens from 0. */
  readonly first: number;
  /** `columns`, or one more where a newline token ends each row. */
  readonly stride: number;
}

export interface ImageSpan {
  /** File name. */
  readonly name: string;
  /** As it was given. */
  readonly path: string;
  readonly sha256: string;
  /** Pixels of the picture as it is shown: turned as its EXIF orientation says. */
  readonly width: number;
  readonly height: number;
  /** Rows [start, end) of the sequence stand for the picture: image tokens, and the separators between its tiles. */
  readonly start: number;
  readonly end: number;
  /** Image tokens in all (newline tokens included, separators not). */
  readonly tokens: number;
  /** The whole picture first. */
  readonly tiles: readonly ImageTile[];
}
