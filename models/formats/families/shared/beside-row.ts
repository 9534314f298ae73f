/** Inputs of an embedding that a text does not give. The class fills them in, and they are the same at every token. */
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';

/** A row of a table below the root. */
export interface BesideTable {
  readonly name: string;
  readonly rows: number;
  readonly width: number;
  /** The row that a text gets. */
  readonly row: number;
}

export type BesideRow =
  /** Rows are concatenated and added to the words: a place on a page (LayoutLMv3). A table may occur twice. */
  | { readonly kind: 'added'; readonly tables: readonly BesideTable[] }
  /** Sums of two rows each are concatenated, pass two maps with a ReLU between them, and are added: a place in markup (MarkupLM). */
  | {
      readonly kind: 'network';
      readonly pairs: readonly (readonly [BesideTable, BesideTable])[];
      readonly up: string;
      readonly inner: number;
      readonly down: string;
    }
  /** Rows are appended to each word, and a map makes the embedding: shape and sound of a character (RoCBert). */
  | { readonly kind: 'mapped'; readonly tables: readonly BesideTable[]; readonly map: string };

const tablesOf = (row: BesideRow): readonly BesideTable[] => (row.kind === 'network' ? row.pairs.flat() : row.tables);

export const widthOf = (tables: readonly BesideTable[]): number => tables.reduce((sum, { width }) => sum + width, 0);

export function writeBeside(row: BesideRow, writer: TensorWriter, { hiddenSize }: ModelPart): void {
  const tables = new Map(tablesOf(row).map((table) => [table.name, table]));
  for (const { name, rows, width } of tables.values()) writer.add('embedding', `${name}.weight`, [rows, width]);
  if (row.kind === 'mapped') writer.linear('embedding', row.map, hiddenSize + widthOf(row.tables), hiddenSize, true);
  if (row.kind !== 'network') return;
  writer.linear('embedding', row.up, widthOf(row.pairs.map(([one]) => one)), row.inner, true);
  writer.linear('embedding', row.down, row.inner, hiddenSize, true);
}
