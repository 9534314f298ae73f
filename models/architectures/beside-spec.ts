/** Inputs of an embedding other than the text, which the class fills in (BesideRow in models/formats lists them). */
import type { Linear } from './weights-spec';

/** One row of a stored table [rows, width]. */
export interface TableRow {
  readonly weight: string;
  readonly rows: number;
  readonly width: number;
  readonly row: number;
}

export type BesideText =
  | { readonly kind: 'added'; readonly tables: readonly TableRow[] }
  | {
      readonly kind: 'network';
      readonly pairs: readonly (readonly [TableRow, TableRow])[];
      readonly up: Linear;
      readonly down: Linear;
    }
  /** `map` reads the word, followed by the rows. */
  | { readonly kind: 'mapped'; readonly tables: readonly TableRow[]; readonly map: Linear };

/** Names of the tensors that are read. */
export const besideTensors = (spec: BesideText): readonly string[] => [
  ...(spec.kind === 'network' ? spec.pairs.flat() : spec.tables).map((table) => table.weight),
  ...(spec.kind === 'network' ? [spec.up, spec.down] : spec.kind === 'mapped' ? [spec.map] : []).flatMap((map) => [
    map.weight,
    ...(map.bias === undefined ? [] : [map.bias]),
  ]),
];
