/**
 * A table as an Arrow IPC file, which is Feather version 2 (https://arrow.apache.org/docs/format/Columnar.html, "IPC File Format"): one
 * record batch, without compression. Columns are float64, int64 and utf8; a number or a text that is not there is null. The metadata of
 * the schema says what made the table, that of a field what it is.
 */
import {
  Field,
  Float64,
  Int64,
  RecordBatchFileWriter,
  RecordBatchWriter,
  Schema,
  Table,
  Utf8,
  vectorFromArray,
  type Vector,
} from 'apache-arrow';
import type { ExportedColumn, ExportedTable } from './exported';

/** In files too the schema stands before the batches, as the format asks; apache-arrow 21.2 leaves it out there (seen on 2026-12-02). */
class FileWriter extends RecordBatchFileWriter {
  protected override _writeSchema(schema: Schema): this {
    super._writeSchema(schema);
    return RecordBatchWriter.prototype['_writeSchema'].call(this, schema) as this;
  }
}

/**
 * `about`: of the table; `headscope_export` is its first key. FlatBuffers are written from their end, so that what is given last stands
 * first in the file, where the mark is looked for.
 */
export function arrowFile({ columns }: ExportedTable, about: Readonly<Record<string, string>>): Uint8Array {
  const vectors = columns.map(vectorOf);
  const fields = columns.map(
    ({ name, title, unit, definition }, at) =>
      new Field(name, vectors[at]!.type, true, new Map(Object.entries({ title, unit, definition }))),
  );
  const schema = new Schema(fields, new Map(Object.entries(about).reverse()));
  const table = new Table(schema, Object.fromEntries(columns.map(({ name }, at) => [name, vectors[at]!])));
  const writer = new FileWriter();
  writer.write(table);
  return writer.finish().toUint8Array(true);
}

function vectorOf({ type, values }: ExportedColumn): Vector {
  const known = values.map((value) => (value === undefined || Number.isNaN(value) ? null : value));
  switch (type) {
    case 'whole':
      return vectorFromArray(
        known.map((value) => (value === null ? null : BigInt(value))),
        new Int64(),
      );
    case 'number':
      return vectorFromArray(known, new Float64());
    case 'text':
      return vectorFromArray(known, new Utf8());
  }
}
