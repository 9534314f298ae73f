/** A section of heads with what only the drawing knows: nothing of it is saved. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { HeadPictures, HeadsLayer, HeadsSection } from '../../../protocol/sections/heads';
import { headKey } from '../../ui/head-names';
import type { CellWords } from '../picture';

interface HeadsDrawing {
  /** Order of the cells, row by row; absent: layers down, heads across. */
  readonly rows?: readonly (readonly HeadPlace[])[];
  /** `layer.head` of the heads that a search or a filter leaves: the others fade. */
  readonly shown?: ReadonlySet<string>;
  /** Pictures of the patterns in the cells. */
  readonly pictures?: DrawnPictures;
  /** Cells are squares, also without pictures. */
  readonly squares?: boolean;
  /** The classes are explained beside the picture. */
  readonly keyBeside?: boolean;
  /** What is said of a head; absent: its number and its classes. */
  readonly words?: (place: HeadPlace) => CellWords;
}

export interface DrawnPictures {
  /** Absent: only their colours are drawn. */
  readonly of: HeadPictures | undefined;
  /** Tinted by the first class of the head, or on the scale of magnitudes, or of signed weights. */
  readonly colours: 'class' | 'magnitude' | 'signed';
}

export interface DrawnHeads extends HeadsSection {
  readonly drawing?: HeadsDrawing;
}

/** Cells of the picture, row by row. */
export const rowsOfHeads = ({ drawing }: DrawnHeads, { values }: HeadsLayer): readonly (readonly HeadPlace[])[] =>
  drawing?.rows ?? values.map((row, layer) => row.map((_, head) => ({ layer, head })));

/** Where each head stands, by `layer.head`. */
export function placesOf(
  rows: readonly (readonly HeadPlace[])[],
): ReadonlyMap<string, { readonly row: number; readonly column: number }> {
  const places = new Map<string, { readonly row: number; readonly column: number }>();
  rows.forEach((heads, row) =>
    heads.forEach(({ layer, head }, column) => places.set(headKey(layer, head), { row, column })),
  );
  return places;
}
